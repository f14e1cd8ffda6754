import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * The files that differ from the commit where this branch left `main`; on `main`, from its last commit. New files are
 * included, deleted files are not.
 */
export async function changedFiles(root: string): Promise<string[]> {
  const base = (await git(root, "merge-base", "HEAD", "main")).trim() || "HEAD";
  const [changed, added] = await Promise.all([
    git(root, "diff", "--name-only", "-z", base),
    git(root, "ls-files", "--others", "--exclude-standard", "-z"),
  ]);
  const paths = new Set(`${changed}${added}`.split("\0"));
  return [...paths].filter((path) => path !== "" && existsSync(join(root, path))).sort();
}

async function git(root: string, ...words: string[]): Promise<string> {
  const child = Bun.spawn(["git", ...words], { cwd: root, stdout: "pipe", stderr: "ignore" });
  const [text] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return text;
}
