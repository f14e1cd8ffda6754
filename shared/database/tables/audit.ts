import { createHash } from "node:crypto";
import { canonicalJson } from "../../weights/canonical-json.ts";
import { advisoryLocks } from "../advisory-locks.ts";
import type { Database, Transaction } from "../database.ts";

/** One change by an administrator. `before` and `after` are the subject before and after it, as JSON without secrets. */
export interface AuditEntry {
  readonly at: Date;
  readonly actor: string;
  /** For example challenge.activate. */
  readonly action: string;
  readonly subject: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly request_id: string;
}

/** An entry as it stands in the log; both hashes in hexadecimal. */
export interface AuditRecord extends AuditEntry {
  readonly id: number;
  readonly previous: string;
  readonly hash: string;
}

export interface AuditVerdict {
  readonly ok: boolean;
  readonly checked: number;
  /** The first record whose hash or predecessor is not what it must be. */
  readonly broken_at: number | null;
  /** Hash of the newest record. A copy kept elsewhere shows later whether the log was cut short. */
  readonly head: string;
}

const lockKey = advisoryLocks.audit;
const genesis = "0".repeat(64);
const batch_rows = 500;

/**
 * Appends `entry` within the transaction of the change that it records: both are stored, or neither. Writers wait for each
 * other, because each record holds the hash of the record before it.
 */
export async function appendAudit(tx: Transaction, entry: AuditEntry): Promise<void> {
  await tx`select pg_advisory_xact_lock(${lockKey})`;
  const [last] = await tx`select encode(hash, 'hex') as hash from audit_log order by id desc limit 1`;
  const previous = (last?.["hash"] as string | undefined) ?? genesis;
  await tx`
    insert into audit_log (at, actor, action, subject, before, after, request_id, previous, hash)
    values (${entry.at}, ${entry.actor}, ${entry.action}, ${entry.subject}, ${jsonOf(tx, entry.before)},
      ${jsonOf(tx, entry.after)}, ${entry.request_id}, decode(${previous}, 'hex'), decode(${hashOf(entry, previous)}, 'hex'))`;
}

/** Records, newest first, those below the id `before` when it is given. */
export async function listAudit(
  sql: Database,
  limit: number,
  before = Number.MAX_SAFE_INTEGER,
): Promise<AuditRecord[]> {
  const rows = await sql`
    select id::int, at, actor, action, subject, before, after, request_id,
      encode(previous, 'hex') as previous, encode(hash, 'hex') as hash
    from audit_log where id < ${before} order by id desc limit ${limit}`;
  return rows.map((row) => ({ ...row }) as AuditRecord);
}

/** Computes all hashes again from the first record on, and stops at the first record that does not match. */
export async function verifyAudit(sql: Database): Promise<AuditVerdict> {
  let [previous, checked, last] = [genesis, 0, 0];
  for (;;) {
    const rows = await sql`
      select id::int, at, actor, action, subject, before, after, request_id,
        encode(previous, 'hex') as previous, encode(hash, 'hex') as hash
      from audit_log where id > ${last} order by id limit ${batch_rows}`;
    for (const row of rows as unknown as AuditRecord[]) {
      if (row.previous !== previous || row.hash !== hashOf(row, previous)) {
        return { ok: false, checked, broken_at: row.id, head: previous };
      }
      [previous, last] = [row.hash, row.id];
      checked += 1;
    }
    if (rows.length < batch_rows) return { ok: true, checked, broken_at: null, head: previous };
  }
}

function hashOf({ at, actor, action, subject, before, after, request_id }: AuditEntry, previous: string): string {
  const body = { at: at.toISOString(), actor, action, subject, before, after, request_id, previous };
  return createHash("sha256")
    .update(canonicalJson(JSON.parse(JSON.stringify(body))))
    .digest("hex");
}

function jsonOf(tx: Transaction, value: unknown) {
  return value === null || value === undefined ? null : tx.json(JSON.parse(JSON.stringify(value)));
}
