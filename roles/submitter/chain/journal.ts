import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { readJson } from "#shared/json/read-json.ts";

const Numbers = Type.Array(Type.Integer());

/** What was about to be sent, written down before it was (chain §6.3). */
export const JournalEntry = Type.Object({
  genesis_hash: Type.String(),
  netuid: Type.Integer(),
  mechanism: Type.Integer(),
  hotkey: Type.String(),
  kind: Type.Union([Type.Literal("set"), Type.Literal("commit")]),
  extrinsic_hash: Type.String(),
  nonce: Type.Integer(),
  era_birth: Type.Integer(),
  era_end: Type.Integer(),
  last_update_before: Type.Integer(),
  /** Names the vector: two entries with equal digests mean the same weights. */
  vector_digest: Type.String(),
  uids: Numbers,
  /** As they will stand on chain, upscaled. */
  values: Numbers,
  /** Of a commit: its bytes as 0x hex, the epoch it belongs to, the round that opens it. */
  commit: Type.Optional(Type.Object({ bytes: Type.String(), epoch: Type.Integer(), reveal_round: Type.Integer() })),
});
export type JournalEntry = Static<typeof JournalEntry>;

/** How the last settled entry ended. */
export const Settlement = Type.Object({
  entry: JournalEntry,
  outcome: Type.Union(["landed", "failed", "dead", "superseded", "refused"].map((name) => Type.Literal(name))),
  /** The block it stands in, where that is known. */
  block: Type.Union([Type.Integer(), Type.Null()]),
  error: Type.Union([Type.String(), Type.Null()]),
});
export type Settlement = Omit<Static<typeof Settlement>, "outcome"> & { readonly outcome: SettledOutcome };
export type SettledOutcome = "landed" | "failed" | "dead" | "superseded" | "refused";

const Content = Type.Object({
  pending: Type.Union([JournalEntry, Type.Null()]),
  last: Type.Union([Settlement, Type.Null()]),
});

/** The journal cannot be read: somebody must look before anything is sent. */
export class JournalError extends Error {
  override readonly name = "JournalError";
}

const fileName = "weights-journal.json";

/** One pending submission and the end of the one before, in a file that survives a crash between any two lines. */
export class Journal {
  readonly #directory: string;
  #pending: JournalEntry | null;
  #last: Settlement | null;

  private constructor(directory: string, pending: JournalEntry | null, last: Settlement | null) {
    this.#directory = directory;
    this.#pending = pending;
    this.#last = last;
  }

  /** Opens the journal in `directory`, which is made if need be. Rejects with {@link JournalError} on a damaged file. */
  static async open(directory: string): Promise<Journal> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, fileName);
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw new JournalError(`${path}: cannot be read`, { cause: error });
    });
    if (text === undefined) return new Journal(directory, null, null);
    const content = readJson(text);
    if (!Value.Check(Content, content))
      throw new JournalError(`${path}: is damaged; look at the chain, then remove it`);
    return new Journal(directory, content.pending, content.last as Settlement | null);
  }

  get pending(): JournalEntry | null {
    return this.#pending;
  }

  get last(): Settlement | null {
    return this.#last;
  }

  /** Resolves when the entry is on disk: only then may it be sent. */
  async begin(entry: JournalEntry): Promise<void> {
    if (this.#pending !== null) throw new JournalError("a submission is pending already");
    await this.#write(entry, this.#last);
  }

  async settle(settlement: Omit<Settlement, "entry">): Promise<Settlement> {
    if (this.#pending === null) throw new JournalError("no submission is pending");
    const settled = { entry: this.#pending, ...settlement };
    await this.#write(null, settled);
    return settled;
  }

  /** Write aside, sync, rename, sync the folder: the file is always the old or the new one, whole. */
  async #write(pending: JournalEntry | null, last: Settlement | null): Promise<void> {
    const path = join(this.#directory, fileName);
    const file = await open(`${path}.new`, "w", 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ pending, last })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    const folder = await open(this.#directory, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    this.#pending = pending;
    this.#last = last;
  }
}
