import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** The paths of all files of the project, also of those that are not committed yet. */
export const tracked = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .stdout.toString()
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)));

const asked = process.argv.slice(2);

/** The TypeScript files with their text. If the command line names paths, only these. */
export const sources: readonly SourceFile[] = tracked
  .filter((path) => /\.tsx?$/.test(path) && (asked.length === 0 || asked.includes(path)))
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

const isText = /\.(tsx?|md|sql|sh|cjs|css|html|service|json)$|^\./;

/** All files of the project, whatever the command line names. Files that are not text that we write have an empty text. */
export function texts(): SourceFile[] {
  return tracked.map((path) => ({ path, text: isText.test(path) ? readFileSync(join(root, path), "utf8") : "" }));
}
