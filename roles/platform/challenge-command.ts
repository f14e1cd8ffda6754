import { Command } from "commander";
import { connectAdmin } from "./admin-client.ts";
import { registryCommand } from "./registry-command.ts";

const base = "/v1/admin/challenges";

/** `platform challenge …`: the registry through the admin API; answers are JSON. */
export function challengeCommand(readJson: (path: string) => unknown): Command {
  const command = new Command("challenge").description("the registry of challenges");
  const print = (answer: unknown) => void process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  const subcommand = (words: string, summary: string) =>
    command
      .command(words)
      .description(summary)
      .option("--admin-port <port>", "loopback port of the admin API", Number, 8081);
  interface Options {
    readonly adminPort: number;
  }
  subcommand("list", "all records").action(async ({ adminPort }: Options) =>
    print(await connectAdmin(adminPort).call("GET", base)),
  );
  subcommand("show <slug>", "one record").action(async (slug: string, { adminPort }: Options) =>
    print(await connectAdmin(adminPort).call("GET", `${base}/${slug}`)),
  );
  subcommand("create <file>", "a draft from a JSON file").action(async (file: string, { adminPort }: Options) =>
    print(await connectAdmin(adminPort).call("POST", base, readJson(file))),
  );
  for (const verb of ["activate", "deactivate"] as const) {
    subcommand(`${verb} <slug>`, `${verb} it`).action(async (slug: string, { adminPort }: Options) =>
      print(await connectAdmin(adminPort).call("POST", `${base}/${slug}/${verb}`)),
    );
  }
  command.addCommand(registryCommand());
  return command;
}
