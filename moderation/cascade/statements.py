"""The texts of the statements that `moderation.cascade.postgres` builds."""

from __future__ import annotations

from moderation.cascade.preview import FINGERPRINT_LENGTH

# Summarizes each branch by object, then everything by batch. The digests are those of
# moderation.cascade.preview. The join with the objects' table drops objects that no longer exist.
# The range of keys (`between`) is redundant, but it lets the planner read a range of the index
# instead of looking up each key: the planner cannot estimate how many keys the JSON holds. The
# names of these expressions begin with "moderation_", so that they do not shadow a table of a site,
# and the tables have aliases.
SUMMARY_CTE = """
WITH moderation_frozen AS MATERIALIZED (
  SELECT source.id AS batch, (pair->>0)::{key_type} AS key
  FROM {batches} source, jsonb_array_elements(source.frozen) pair
  WHERE source.id = ANY(%(batches)s)
){branches}, moderation_summary AS (
  SELECT frozen.batch{columns},
    '[' || string_agg(
      '[' || to_json(frozen.key) || ',"'
      || md5(concat_ws(%(record)s, '{label}', frozen.key{lines})) || '"]',
      ',' ORDER BY frozen.key
    ) || ']' AS frozen
  FROM moderation_frozen frozen
  JOIN {objects} object ON {key} = frozen.key AND {key} {between}{joins}
  GROUP BY frozen.batch
)
"""
BETWEEN = "BETWEEN %(first)s::{key_type} AND %(last)s::{key_type}"
BRANCH = """, moderation_{name} AS (
  SELECT frozen.key{columns} FROM moderation_frozen frozen{path} GROUP BY frozen.key
)"""
JOIN = " LEFT JOIN moderation_{name} {name} ON {name}.key = frozen.key"
# For a single batch, the rows are looked up object by object. Otherwise the planner, which expects
# that the keys match no rows, would read the whole branch again for each object.
LATERAL_JOIN = """ LEFT JOIN LATERAL (
  SELECT 1{columns} FROM (SELECT frozen.key) frozen{path}
) {name} ON true"""
FINGERPRINT = f"CASE WHEN {{name}} <> '' THEN left(md5({{name}}), {FINGERPRINT_LENGTH}) END"
SELECT_DIGESTS = "SELECT batch, md5(frozen) FROM moderation_summary"
# Without the list of batches, the planner, which expects hundreds, would read the whole table.
UPDATE_BATCHES = """
UPDATE {batches} target SET
  frozen = summary.frozen::jsonb, digest = md5(summary.frozen), objects_total = objects,
  files_total = files, pictures_total = pictures,
  without_picture_total = without_picture, bytes_total = size,
  rows_by_model = cascade, updates_by_model = updates, fingerprints = summary.fingerprints,
  blockers = jsonb_build_object('protected', protected, 'restricted', '{{}}'::jsonb)
FROM moderation_summary summary WHERE target.id = batch AND target.id = ANY(%(batches)s)
RETURNING batch, all_rows"""
