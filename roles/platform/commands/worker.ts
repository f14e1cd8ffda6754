import type { Static } from "@sinclair/typebox";
import { type Command, InvalidArgumentError } from "commander";
import type { NodeResource } from "#shared/schemas/admin.ts";
import { type AdminClient, connectAdmin } from "../clients/admin.ts";
import { type AdminOptions, adminSubcommands } from "./subcommands.ts";

type Node = Static<typeof NodeResource>;
interface Options extends AdminOptions {
  readonly deadlineSeconds?: number;
}

const base = "/v1/admin/nodes";
const deadline = "seconds after which jobs that still run there are cancelled, as the platform's fault";

/** `platform worker …` manages the nodes that run jobs. It prints JSON. */
export function workerCommand(): Command {
  const { command, subcommand, print } = adminSubcommands("worker", "the nodes that run jobs");
  const order = async (name: string, verb: string, { adminPort }: Options, body?: object) => {
    const admin = connectAdmin(adminPort);
    const { id } = await nodeNamed(admin, name);
    print(await admin.call("POST", `${base}/${id}/${verb}`, body));
  };
  subcommand("list", "all nodes, their jobs and orders").action(async ({ adminPort }: Options) =>
    print(await allNodes(connectAdmin(adminPort))),
  );
  subcommand("drain <node>", "give it no new jobs, wait for those it has, then drain it in the Swarm")
    .option("--deadline-seconds <n>", deadline, seconds, 900)
    .action((name: string, options: Options) =>
      order(name, "drain", options, { deadline_seconds: options.deadlineSeconds }),
    );
  subcommand("label <node> <class>", "drain it of jobs, then make it a worker of class cpu or gpu, or none")
    .option("--deadline-seconds <n>", deadline, seconds, 900)
    .action((name: string, wanted: string, options: Options) =>
      order(name, "label", options, { workload: classOf(wanted), deadline_seconds: options.deadlineSeconds }),
    );
  subcommand("activate <node>", "let it take jobs again").action((name: string, options: Options) =>
    order(name, "activate", options),
  );
  return command;
}

function seconds(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a number of seconds");
}

function classOf(text: string): "cpu" | "gpu" | null {
  if (text === "cpu" || text === "gpu") return text;
  if (text === "none") return null;
  throw new Error(`a worker's class is cpu, gpu or none, not ${JSON.stringify(text)}`);
}

async function allNodes(admin: AdminClient): Promise<Node[]> {
  const nodes: Node[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query = cursor === "" ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const page: { items: Node[]; next_cursor: string | null } = await admin.call("GET", `${base}${query}`);
    nodes.push(...page.items);
    cursor = page.next_cursor;
  }
  return nodes;
}

/** Finds a node by its ID or its host name. */
async function nodeNamed(admin: AdminClient, name: string): Promise<Node> {
  const nodes = await allNodes(admin);
  const [found, other] = nodes.filter(({ id, hostname }) => id === name || hostname === name);
  if (found && other)
    throw new Error(`several nodes are called ${name}: name one by its ID, see \`platform worker list\``);
  if (found) return found;
  throw new Error(
    `there is no node ${name}: there are ${nodes.map(({ hostname }) => hostname).join(", ") || "none yet"}`,
  );
}
