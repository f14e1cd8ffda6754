import { Command } from "commander";

/** What every subcommand that asks the admin API is given. */
export interface AdminOptions {
  readonly adminPort: number;
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
        .option("--admin-port <port>", "loopback port of the admin API", Number, 8081),
    print: (answer: unknown) => void process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`),
  };
}
