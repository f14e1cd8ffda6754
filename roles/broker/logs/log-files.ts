import { mkdir, open, opendir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { unlessMissing } from "../blobs/unless-missing.ts";

/**
 * Logs that are not stored as blobs yet: one file a job, with lines of JSON. A file is only appended to, so that an offset
 * stays valid when the file becomes a blob.
 */
export interface LogFiles {
  /** Appends all of the text or nothing: a full disk leaves no half line. */
  append(id: string, text: string): Promise<void>;
  /** The whole log. A half last line of a killed process is cut off. */
  load(id: string): Promise<string>;
  /** At most `bytes_max` bytes from `start`. Empty at the end, or when there is no log. */
  read(id: string, start: number, bytes_max: number): Promise<Uint8Array>;
  remove(id: string): Promise<void>;
  /** Ids of the jobs that have a log file. */
  ids(): AsyncIterable<string>;
}

const fileForm = /^([0-9a-f]{32})\.ndjson$/;

/** Log files in a folder, which is created. */
export async function openLogFiles(directory: string): Promise<LogFiles> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pathOf = (id: string) => {
    if (!fileForm.test(`${id}.ndjson`)) throw new RangeError("not a job's id");
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
        const id = fileForm.exec(name)?.[1];
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
