import { Command } from "commander";

/** Options of every subcommand that calls the admin API. */
export interface AdminOptions {
  /** Undefined: the port of the installation's admin API. */
  readonly adminPort: number | undefined;
}

/** Makes a command whose subcommands call the admin API of this machine and print its answers as JSON. */
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
