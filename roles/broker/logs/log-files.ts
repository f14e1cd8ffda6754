import { mkdir, open, opendir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { unlessMissing } from "../blobs/unless-missing.ts";

/**
 * Logs of jobs that are not put away yet: one file a job, lines of JSON, only ever appended to, so that an offset in it
 * stays good when it becomes a blob in the end.
 */
export interface LogFiles {
  /** All of the text or nothing: a full disk leaves no half line behind. */
  append(id: string, text: string): Promise<void>;
  /** All that is there; what a killed process left of a last line is cut off. */
  load(id: string): Promise<string>;
  /** At most `bytes_max` bytes from `start`; empty at the end, or where there is no log. */
  read(id: string, start: number, bytes_max: number): Promise<Uint8Array>;
  remove(id: string): Promise<void>;
  /** The jobs that have a log here. */
  ids(): AsyncIterable<string>;
}

const file_form = /^([0-9a-f]{32})\.ndjson$/;

/** Log files in a folder, which it makes. */
export async function openLogFiles(directory: string): Promise<LogFiles> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pathOf = (id: string) => {
    if (!file_form.test(`${id}.ndjson`)) throw new RangeError("not a job's id");
    return join(directory, `${id}.ndjson`);
  };
  return {
    append: (id, text) => appendWhole(pathOf(id), text),
    async load(id) {
      const bytes = await unlessMissing(readFile(pathOf(id)));
      if (!bytes) return "";
      const whole_bytes = bytes.lastIndexOf(0x0a) + 1;
      if (whole_bytes < bytes.length) await truncate(pathOf(id), whole_bytes);
      return bytes.toString("utf8", 0, whole_bytes);
    },
    async read(id, start, bytes_max) {
      const file = await unlessMissing(open(pathOf(id), "r"));
      if (!file) return new Uint8Array(0);
      try {
        const { bytesRead, buffer } = await file.read(new Uint8Array(bytes_max), 0, bytes_max, start);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
    remove: (id) => rm(pathOf(id), { force: true }),
    async *ids() {
      for await (const { name } of await opendir(directory)) {
        const id = file_form.exec(name)?.[1];
        if (id) yield id;
      }
    },
  };
}

async function appendWhole(path: string, text: string): Promise<void> {
  const file = await open(path, "a", 0o600);
  try {
    const { size } = await file.stat();
    try {
      await file.writeFile(text);
    } catch (error) {
      await file.truncate(size);
      throw error;
    }
  } finally {
    await file.close();
  }
}
