import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal, JournalError } from "../../../roles/submitter/journal.ts";
import { journalEntry } from "../../support/builders/journal-entry.ts";

describe("the journal", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "journal-"));
  });
  afterEach(async () => await rm(directory, { recursive: true }));

  test("remembers what was pending and how the last one ended over a restart", async () => {
    const journal = await Journal.open(directory);
    await journal.begin(journalEntry);
    expect((await Journal.open(directory)).pending).toEqual(journalEntry);
    await expect(journal.begin(journalEntry)).rejects.toBeInstanceOf(JournalError);
    await journal.settle({ outcome: "landed", block: 201, error: null });
    const reopened = await Journal.open(directory);
    expect(reopened.pending).toBeNull();
    expect(reopened.last).toEqual({ entry: journalEntry, outcome: "landed", block: 201, error: null });
  });

  test("ignores a write that was cut off, and refuses a damaged file rather than forget a submission", async () => {
    const journal = await Journal.open(directory);
    await journal.begin(journalEntry);
    await writeFile(join(directory, "weights-journal.json.new"), '{"pending":');
    expect((await Journal.open(directory)).pending).toEqual(journalEntry);
    const path = join(directory, "weights-journal.json");
    await writeFile(path, (await readFile(path, "utf8")).slice(0, 40));
    await expect(Journal.open(directory)).rejects.toBeInstanceOf(JournalError);
  });
});
