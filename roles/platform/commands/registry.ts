import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { connectAdmin } from "../clients/admin.ts";
import { type AdminOptions, adminSubcommands } from "./subcommands.ts";

/** `platform challenge registry …` manages a challenge's accounts at image registries. It prints JSON. */
export function registryCommand(): Command {
  const summary = "accounts at registries, for private images of its jobs";
  const { command, subcommand, print } = adminSubcommands("registry", summary);
  const path = (slug: string, registry = "") =>
    `/v1/admin/challenges/${slug}/registry-accounts${registry && `/${registry}`}`;
  subcommand("list <slug>", "all of them, without their passwords").action(
    async (slug: string, { adminPort }: AdminOptions) => print(await connectAdmin(adminPort).call("GET", path(slug))),
  );
  subcommand("set <slug> <registry>", "for example ghcr.io, or docker.io for Docker Hub")
    .requiredOption("--username <name>", "who the challenge is there")
    .requiredOption("--password-file <file>", "file of the password or token; - for standard input")
    .action(
      async (
        slug: string,
        registry: string,
        { adminPort, username, passwordFile }: AdminOptions & { username: string; passwordFile: string },
      ) => {
        const text = readFileSync(passwordFile === "-" ? 0 : passwordFile, "utf8");
        const body = { username, password: text.replace(/\r?\n$/, "") };
        print(await connectAdmin(adminPort).call("PUT", path(slug, registry), body));
      },
    );
  subcommand("remove <slug> <registry>", "take it away").action(
    async (slug: string, registry: string, { adminPort }: AdminOptions) => {
      await connectAdmin(adminPort).call("DELETE", path(slug, registry));
    },
  );
  return command;
}
