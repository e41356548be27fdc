CREATE INDEX tickets_tenant_opened ON tickets (tenant, opened_at);
