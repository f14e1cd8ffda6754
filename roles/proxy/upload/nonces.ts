import { createHash } from "node:crypto";
import type { Database } from "#shared/database/database.ts";
import { limits } from "#shared/schemas/limits.ts";

export interface NonceUse {
  readonly netuid: number;
  readonly slug: string;
  readonly hotkey: string;
  readonly nonce: string;
  readonly used_at: Date;
}

/** Nonces that miners have used. Each may be used once within `limits.proxy.nonce_kept_ms`. */
export interface Nonces {
  /** Takes the nonce. False when it was used before. Of several calls at once, one gets it. */
  reserve(use: NonceUse): Promise<boolean>;
  /** Gives back a nonce whose upload has certainly not reached the challenge. */
  release(use: NonceUse): Promise<void>;
  /** Deletes nonces older than `limits.proxy.nonce_kept_ms` at `now`. */
  prune(now: Date): Promise<void>;
}

export function createNonces(sql: Database): Nonces {
  const { nonce_kept_ms, retention_batch_rows_max } = limits.proxy;
  return {
    async reserve({ netuid, slug, hotkey, nonce, used_at }) {
      const forgotten_at = new Date(used_at.getTime() - nonce_kept_ms);
      const rows = await sql`
        insert into miner_nonces (netuid, slug, hotkey, nonce_hash, used_at)
        values (${netuid}, ${slug}, ${hotkey}, ${hashOf(nonce)}, ${used_at})
        on conflict (netuid, slug, hotkey, nonce_hash) do update set used_at = excluded.used_at
          where miner_nonces.used_at < ${forgotten_at}
        returning 1`;
      return rows.length === 1;
    },
    async release({ netuid, slug, hotkey, nonce, used_at }) {
      await sql`
        delete from miner_nonces where netuid = ${netuid} and slug = ${slug} and hotkey = ${hotkey}
          and nonce_hash = ${hashOf(nonce)} and used_at = ${used_at}`;
    },
    async prune(now) {
      const forgotten_at = new Date(now.getTime() - nonce_kept_ms);
      await sql`
        delete from miner_nonces where ctid = any(array(
          select ctid from miner_nonces where used_at < ${forgotten_at} limit ${retention_batch_rows_max}))`;
    },
  };
}

function hashOf(nonce: string): Buffer {
  return createHash("sha256").update(nonce).digest();
}
