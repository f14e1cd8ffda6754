import { join } from "node:path";

const root = join(import.meta.dir, "../..");

/** How a role is started: from source, or as the executable in the folder `TEST_EXECUTABLES` names. */
export function roleCommand(role: string): string[] {
  const folder = process.env["TEST_EXECUTABLES"];
  return folder === undefined
    ? [process.execPath, join(root, "roles", role, "main.ts")]
    : [join(root, folder, `platform-${role}`)];
}
