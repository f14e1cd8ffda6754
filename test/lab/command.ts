/** The result of a command that ended. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, for at most `timeout_ms`. A failure is a result, too. */
export async function tryRun(
  command: readonly string[],
  { timeout_ms = 60_000, env = process.env }: { timeout_ms?: number; env?: Record<string, string | undefined> } = {},
): Promise<CommandResult> {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env,
    timeout: timeout_ms,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/** Runs a command. @returns its standard output without the last line break @throws Error when it fails */
export async function run(command: readonly string[], options: Parameters<typeof tryRun>[1] = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await tryRun(command, options);
  if (exitCode !== 0)
    throw new Error(`"${command.join(" ")}" ended with ${exitCode}: ${(stderr || stdout).trim().slice(-2_000)}`);
  return stdout.trimEnd();
}
