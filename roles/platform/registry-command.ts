import { readFileSync } from "node:fs";
import { Command } from "commander";
import { connectAdmin } from "./admin-client.ts";

interface Options {
  readonly adminPort: number;
}

/** `platform challenge registry …`: a challenge's accounts at image registries; answers are JSON. */
export function registryCommand(): Command {
  const command = new Command("registry").description("accounts at registries, for private images of its jobs");
  const print = (answer: unknown) => void process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  const subcommand = (words: string, summary: string) =>
    command
      .command(words)
      .description(summary)
      .option("--admin-port <port>", "loopback port of the admin API", Number, 8081);
  const path = (slug: string, registry = "") =>
    `/v1/admin/challenges/${slug}/registry-accounts${registry && `/${registry}`}`;
  subcommand("list <slug>", "all of them, without their passwords").action(
    async (slug: string, { adminPort }: Options) => print(await connectAdmin(adminPort).call("GET", path(slug))),
  );
  subcommand("set <slug> <registry>", "for example ghcr.io, or docker.io for Docker Hub")
    .requiredOption("--username <name>", "who the challenge is there")
    .requiredOption("--password-file <file>", "file of the password or token; - for standard input")
    .action(
      async (
        slug: string,
        registry: string,
        { adminPort, username, passwordFile }: Options & { username: string; passwordFile: string },
      ) => {
        const text = readFileSync(passwordFile === "-" ? 0 : passwordFile, "utf8");
        const body = { username, password: text.replace(/\r?\n$/, "") };
        print(await connectAdmin(adminPort).call("PUT", path(slug, registry), body));
      },
    );
  subcommand("remove <slug> <registry>", "take it away").action(
    async (slug: string, registry: string, { adminPort }: Options) => {
      await connectAdmin(adminPort).call("DELETE", path(slug, registry));
    },
  );
  return command;
}
