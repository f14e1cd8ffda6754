import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fromHex, hex } from "../runtime/hashing.ts";
import { State } from "../runtime/state.ts";
import type { Block, Header } from "./block.ts";
import { blocks_kept, Ledger } from "./ledger.ts";

interface BlockRow {
  readonly number: number;
  readonly hash: string;
  readonly header: string;
  readonly extrinsics: string;
  readonly changes: string;
}

/**
 * The chain on disk: the state after the oldest kept block, and the changes of each later block. A block and the finality that
 * it brings are stored in one transaction, so a killed node restarts with a whole chain.
 */
export class Store {
  readonly #db: Database;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#db = new Database(join(directory, "chain.sqlite3"), { create: true, strict: true });
    this.#db.run("PRAGMA journal_mode = WAL");
    this.#db.run("PRAGMA synchronous = FULL");
    this.#db.run("CREATE TABLE IF NOT EXISTS base (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT");
    this.#db.run("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT");
    this.#db.run(
      "CREATE TABLE IF NOT EXISTS blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL, header TEXT NOT NULL, extrinsics TEXT NOT NULL, changes TEXT NOT NULL) STRICT",
    );
  }

  /** The chain of a former run; undefined when there is none. */
  load(): Ledger | undefined {
    const genesis_hash = this.#meta("genesis_hash");
    if (genesis_hash === undefined) return undefined;
    const base = this.#db.query<{ key: string; value: string }, []>("SELECT key, value FROM base").all();
    let state = new State(new Map(base.map(({ key, value }) => [key, fromHex(value)])));
    const rows = this.#db.query<BlockRow, []>("SELECT * FROM blocks ORDER BY number").all();
    const blocks = rows.map((row, index) => {
      if (index > 0) state = state.branch();
      const changes = JSON.parse(row.changes) as [string, string | null][];
      // The base is already the state after the oldest block.
      if (index > 0) state.apply(new Map(changes.map(([key, value]) => [key, value === null ? null : fromHex(value)])));
      return blockOf(row, state);
    });
    return new Ledger(genesis_hash, blocks, Number(this.#meta("finalized")));
  }

  begin(genesis: Block): void {
    this.#db
      .transaction(() => {
        this.#setMeta("genesis_hash", genesis.hash);
        this.#setMeta("finalized", "0");
        for (const [key, value] of genesis.state.entries()) this.#setBase(key, value);
        this.#insert(genesis);
      })
      .immediate();
  }

  /** Stores a new head, removes blocks above its parent, and stores the finalized number. */
  append(block: Block, finalized: number): void {
    this.#db
      .transaction(() => {
        this.#db.query("DELETE FROM blocks WHERE number >= ?").run(block.number);
        this.#insert(block);
        this.#setMeta("finalized", String(finalized));
        this.#prune(block.number - blocks_kept + 1);
      })
      .immediate();
  }

  close(): void {
    this.#db.close();
  }

  #prune(oldest: number): void {
    const stale = this.#db
      .query<BlockRow, [number]>("SELECT * FROM blocks WHERE number <= ? ORDER BY number")
      .all(oldest);
    // The oldest kept block's changes move into the base, and its predecessor's row is deleted.
    for (const row of stale.slice(1)) {
      for (const [key, value] of JSON.parse(row.changes) as [string, string | null][]) {
        if (value === null) this.#db.query("DELETE FROM base WHERE key = ?").run(key);
        else this.#setBase(key, fromHex(value));
      }
      this.#db.query("DELETE FROM blocks WHERE number < ?").run(row.number);
    }
  }

  #insert({ number, hash, header, extrinsics, state }: Block): void {
    const changes = [...state.changes].map(([key, value]) => [key, value === null ? null : hex(value)]);
    this.#db
      .query("INSERT INTO blocks (number, hash, header, extrinsics, changes) VALUES (?, ?, ?, ?, ?)")
      .run(number, hash, JSON.stringify(header), JSON.stringify(extrinsics.map(hex)), JSON.stringify(changes));
  }

  #setBase(key: string, value: Uint8Array): void {
    this.#db.query("INSERT OR REPLACE INTO base (key, value) VALUES (?, ?)").run(key, hex(value));
  }

  #meta(name: string): string | undefined {
    return this.#db.query<{ value: string }, [string]>("SELECT value FROM meta WHERE name = ?").get(name)?.value;
  }

  #setMeta(name: string, value: string): void {
    this.#db.query("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)").run(name, value);
  }
}

function blockOf(row: BlockRow, state: State): Block {
  const extrinsics = (JSON.parse(row.extrinsics) as string[]).map(fromHex);
  return { number: row.number, hash: row.hash, header: JSON.parse(row.header) as Header, extrinsics, state };
}
