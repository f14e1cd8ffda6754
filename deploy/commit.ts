/**
 * The last commit that changed one of `paths`, in twelve digits. It ends in `-dirty` if they have uncommitted changes. Outside
 * of git it is "unknown". So a commit that does not touch a role leaves the role's executable as it is (decision 0011).
 */
export async function commitOf(root: string, paths: readonly string[]): Promise<string> {
  const [commit, changes] = await Promise.all([
    git(root, "log", "-1", "--format=%h", "--abbrev=12", "--", ...paths),
    git(root, "status", "--porcelain", "--", ...paths),
  ]);
  if (!commit) return "unknown";
  return changes ? `${commit}-dirty` : commit;
}

async function git(root: string, ...words: string[]): Promise<string> {
  const child = Bun.spawn(["git", ...words], { cwd: root, stdout: "pipe", stderr: "ignore" });
  const [text] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return text.trim();
}
