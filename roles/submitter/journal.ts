import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { readJson } from "#shared/json/read-json.ts";

const Numbers = Type.Array(Type.Integer());

/** A submission, written to disk before it is sent (chain §6.3). */
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
  /** Two entries with equal digests mean the same weights. */
  vector_digest: Type.String(),
  uids: Numbers,
  /** The upscaled values, as the chain stores them. */
  values: Numbers,
  /** For a commit: its bytes as 0x hex, its epoch, and the round that opens it. */
  commit: Type.Optional(Type.Object({ bytes: Type.String(), epoch: Type.Integer(), reveal_round: Type.Integer() })),
});
export type JournalEntry = Static<typeof JournalEntry>;

/** How the last settled entry ended. */
export const Settlement = Type.Object({
  entry: JournalEntry,
  outcome: Type.Union(["landed", "failed", "dead", "superseded", "refused"].map((name) => Type.Literal(name))),
  /** The block that holds it, if known. */
  block: Type.Union([Type.Integer(), Type.Null()]),
  error: Type.Union([Type.String(), Type.Null()]),
});
export type Settlement = Omit<Static<typeof Settlement>, "outcome"> & { readonly outcome: SettledOutcome };
export type SettledOutcome = "landed" | "failed" | "dead" | "superseded" | "refused";

const Content = Type.Object({
  pending: Type.Union([JournalEntry, Type.Null()]),
  last: Type.Union([Settlement, Type.Null()]),
});

/** The journal cannot be read. Nothing is sent until an operator has looked at it. */
export class JournalError extends Error {
  override readonly name = "JournalError";
}

const fileName = "weights-journal.json";

/** The pending submission and the outcome of the one before, in a file that survives a crash at any moment. */
export class Journal {
  readonly #directory: string;
  #pending: JournalEntry | null;
  #last: Settlement | null;

  private constructor(directory: string, pending: JournalEntry | null, last: Settlement | null) {
    this.#directory = directory;
    this.#pending = pending;
    this.#last = last;
  }

  /** Opens the journal in `directory`, and creates the folder if it is missing. @throws JournalError for a damaged file */
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
      throw new JournalError(
        `${path}: the journal is damaged; see on the chain whether the last submission landed, then remove the file`,
      );
    return new Journal(directory, content.pending, content.last as Settlement | null);
  }

  get pending(): JournalEntry | null {
    return this.#pending;
  }

  get last(): Settlement | null {
    return this.#last;
  }

  /** Resolves when the entry is on disk. It may be sent only then. */
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

  /** Writes a new file, syncs, renames it, syncs the folder: the journal is always the whole old or the whole new file. */
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
