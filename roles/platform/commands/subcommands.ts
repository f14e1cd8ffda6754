import { Command } from "commander";

/** What every subcommand that asks the admin API is given. */
export interface AdminOptions {
  /** Undefined: the installation's. */
  readonly adminPort: number | undefined;
}

/** A command whose subcommands ask the admin API of this machine; what it answers is printed as JSON. */
export function adminSubcommands(name: string, summary: string) {
  const command = new Command(name).description(summary);
  return {
    command,
    subcommand: (words: string, what: string) =>
      command
        .command(words)
        .description(what)
        .option("--admin-port <port>", "loopback port of the admin API; the installation's unless given", Number),
    print: (answer: unknown) => void process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`),
  };
}
