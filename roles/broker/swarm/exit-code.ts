/** The exit code in Swarm's message about a task's end, or null. Exit codes elsewhere in a task mean nothing. */
export function exitCodeIn(words: string | undefined): number | null {
  const match = /task: non-zero exit \((\d+)\)/.exec(words ?? "");
  return match ? Number(match[1]) : null;
}
