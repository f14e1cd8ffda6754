/** The exit code in Swarm's words of a task's end; null where they name none: other exit codes of a task mean nothing. */
export function exitCodeIn(words: string | undefined): number | null {
  const match = /task: non-zero exit \((\d+)\)/.exec(words ?? "");
  return match ? Number(match[1]) : null;
}
