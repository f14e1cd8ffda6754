import { existsSync } from "node:fs";
import { join } from "node:path";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import { label, managed } from "#shared/swarm/labels.ts";
import { runDirectory } from "./install/host-files.ts";

interface RoleStatus {
  readonly service: string;
  readonly task: string;
  readonly ready: boolean | null;
  readonly reason: string | null;
}

/** Prints every managed service with its newest task, the readiness that each role reports, and the nodes. */
export async function status({ socket, json }: { readonly socket: string; readonly json: boolean }) {
  const engine = await connectEngine(socket);
  const services = (await engine.services(managed)).filter(({ Spec }) => "Replicated" in Spec.Mode);
  const roles: RoleStatus[] = await Promise.all(
    services.map(async ({ Spec }) => {
      const tasks = await engine.tasksOfService(Spec.Name);
      const newest = tasks.toSorted((a, b) => b.CreatedAt.localeCompare(a.CreatedAt))[0];
      return {
        service: Spec.Name,
        task: newest?.Status.State ?? "none",
        ...(await readinessOf(Spec.Labels[label.role])),
      };
    }),
  );
  roles.push({ service: "supervisor", task: "on this host", ...(await readinessOf("supervisor")) });
  const nodes = (await engine.nodes()).map((node) => ({
    hostname: node.Description.Hostname,
    state: node.Status.State,
    availability: node.Spec.Availability,
    workload: node.Spec.Labels[label.workload] ?? null,
  }));
  const isReady = roles.every(({ task, ready }) => ready !== false && (task === "running" || task === "on this host"));
  const report = { roles, nodes };
  return { isReady, text: json ? `${JSON.stringify(report)}\n` : describe(report) };
}

async function readinessOf(role: string | undefined): Promise<{ ready: boolean | null; reason: string | null }> {
  const socket = join(runDirectory, role ?? "none", "ops.sock");
  if (!existsSync(socket)) return { ready: role === "supervisor" ? false : null, reason: null };
  try {
    const response = await fetch("http://role/readyz", { unix: socket, signal: AbortSignal.timeout(6_000) });
    return { ready: response.ok, reason: response.ok ? null : (await response.text()).slice(0, 300) };
  } catch (error) {
    return { ready: false, reason: `its ops socket does not answer: ${(error as Error).message}` };
  }
}

function describe({
  roles,
  nodes,
}: {
  roles: readonly RoleStatus[];
  nodes: readonly { hostname: string; state: string; availability: string; workload: string | null }[];
}): string {
  const word = (ready: boolean | null) => (ready === null ? "" : ready ? "ready" : "NOT READY");
  return [
    ...roles.map(({ service, task, ready, reason }) =>
      `${service.padEnd(28)} ${task.padEnd(14)} ${word(ready)} ${reason ?? ""}`.trimEnd(),
    ),
    "",
    ...nodes.map(
      ({ hostname, state, availability, workload }) =>
        `node ${hostname.padEnd(23)} ${state.padEnd(14)} ${availability} ${workload ?? "no jobs"}`,
    ),
    "",
  ].join("\n");
}
