import { join } from "node:path";
import { projectRoot } from "../../support/runner/suite-list.ts";

/** The command of one of `test/support/programs`. */
export function program(name: string, ...args: readonly string[]): string[] {
  return [process.execPath, join(projectRoot, "test/support/programs", `${name}.ts`), ...args];
}

/** What a program says first: that it is ready, and where. */
export async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  if (!value) throw new Error("the program ended before it was ready");
  return Buffer.from(value).toString().trim();
}
