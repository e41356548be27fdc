#!/bin/sh
# dbproof in any CI system: run, compare with the record of the last good run, keep the record.
# RECORDS is a folder that outlives the job, such as a cache or a volume.
set -eu

RECORDS=${RECORDS:-dbproof-records}
mkdir -p "$RECORDS" dbproof-output

code=0
dbproof run \
    --format terminal \
    --format json=dbproof-output/record.json \
    --format junit=dbproof-output/report.junit.xml || code=$?

# Exit codes: 0 pass, 1 a finding, 2 wrong input, 3 the environment failed, 4 inconclusive.
if [ "$code" -eq 2 ] || [ "$code" -eq 3 ]; then
    exit "$code"
fi

# What changed, as Markdown for a comment; it decides nothing here.
if [ -f "$RECORDS/last.json" ]; then
    dbproof diff "$RECORDS/last.json" dbproof-output/record.json --fail-on never \
        --format markdown=dbproof-output/delta.md
fi
dbproof report dbproof-output/record.json --history "$RECORDS" \
    --format html=dbproof-output/report.html

if [ "$code" -eq 0 ]; then
    cp dbproof-output/record.json "$RECORDS/$(date -u +%Y%m%dT%H%M%SZ).json"
    cp dbproof-output/record.json "$RECORDS/last.json"
fi
exit "$code"
