import type { Command } from "commander";
import { connectAdmin } from "../clients/admin.ts";
import { registryCommand } from "./registry.ts";
import { type AdminOptions, adminSubcommands } from "./subcommands.ts";

const base = "/v1/admin/challenges";

/** `platform challenge …` reads and changes the registry of challenges through the admin API. It prints JSON. */
export function challengeCommand(readJson: (path: string) => unknown): Command {
  const { command, subcommand, print } = adminSubcommands("challenge", "the registry of challenges");
  subcommand("list", "all records").action(async ({ adminPort }: AdminOptions) =>
    print(await connectAdmin(adminPort).call("GET", base)),
  );
  subcommand("show <slug>", "one record").action(async (slug: string, { adminPort }: AdminOptions) =>
    print(await connectAdmin(adminPort).call("GET", `${base}/${slug}`)),
  );
  subcommand("create <file>", "a draft from a JSON file").action(async (file: string, { adminPort }: AdminOptions) =>
    print(await connectAdmin(adminPort).call("POST", base, readJson(file))),
  );
  for (const verb of ["activate", "deactivate"] as const) {
    subcommand(`${verb} <slug>`, `${verb} it`).action(async (slug: string, { adminPort }: AdminOptions) =>
      print(await connectAdmin(adminPort).call("POST", `${base}/${slug}/${verb}`)),
    );
  }
  command.addCommand(registryCommand());
  return command;
}
