// What a dashboard in JSON is held against: the types that Grafana publishes as @grafana/schema.
import type * as grafana from '@grafana/schema';
import type {
  Options as StatOptions,
} from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts';
import type {
  Options as TableOptions,
  FieldConfig as TableFields,
} from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen.d.ts';
import type {
  Options as SeriesOptions,
  FieldConfig as SeriesFields,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts';

/** The same in JSON, where a member of an enumeration is its text. */
type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Array<infer Item>
      ? Array<Plain<Item>>
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;

export type Dashboard = Plain<Omit<grafana.Dashboard, 'panels' | 'annotations' | 'templating' | 'links'>>;
export type Link = Plain<grafana.DashboardLink>;
export type Variable = Plain<grafana.VariableModel>;
/** Its query is that of a datasource, which the package leaves open. */
export type Annotation = Plain<Omit<grafana.AnnotationQuery, 'target'>>;
export type Panel = Plain<Omit<grafana.Panel, 'options' | 'fieldConfig' | 'targets'>>;
export type Fields = Plain<Omit<grafana.FieldConfig, 'custom'>>;
export type Overrides = Plain<grafana.FieldConfigSource['overrides']>;
export type Mappings = Plain<grafana.ValueMapping[]>;

export type Options = {
  stat: Plain<Partial<StatOptions>>;
  table: Plain<Partial<TableOptions>>;
  timeseries: Plain<Partial<SeriesOptions>>;
};
/** What is each kind of panel's own in the configuration of a field. */
export type Custom = {
  stat: Record<string, never>;
  table: Plain<Partial<TableFields>>;
  timeseries: Plain<Partial<SeriesFields>>;
};
