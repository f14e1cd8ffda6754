import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Creates a git repository in a temporary folder, with `files` in its first commit. */
export class GitProject implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "platform-project-"));

  constructor(files: Readonly<Record<string, string>>) {
    this.git("init", "--quiet", "--initial-branch=main");
    this.git("config", "user.name", "somebody");
    this.git("config", "user.email", "somebody@example.org");
    this.commit(files);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), text);
    }
  }

  /** Writes the files and commits everything. */
  commit(files: Readonly<Record<string, string>>): void {
    this.write(files);
    this.git("add", "--all");
    this.git("commit", "--quiet", "--message=a change");
  }

  git(...words: string[]): string {
    const { stdout, stderr, exitCode } = Bun.spawnSync(["git", ...words], { cwd: this.root });
    if (exitCode !== 0) throw new Error(`git ${words.join(" ")}: ${stderr.toString()}`);
    return stdout.toString().trim();
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
