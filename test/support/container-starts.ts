import type { Readable } from "node:stream";
import type { LabNode } from "../lab/engine-node.ts";

/** Counts the containers that nodes started for services, from engine events and from lists, even while engines are killed. */
export class ContainerStarts {
  readonly #seen = new Map<string, Set<string>>();
  readonly #stop = new AbortController();

  constructor(nodes: readonly LabNode[]) {
    for (const node of nodes) {
      void this.#follow(node);
      void this.#look(node);
    }
  }

  /** Ids of the containers that were started for the service. */
  of(service: string): ReadonlySet<string> {
    return this.#seen.get(service) ?? new Set();
  }

  stop(): void {
    this.#stop.abort();
  }

  #see(service: string | undefined, id: string): void {
    if (!service) return;
    const known = this.#seen.get(service) ?? new Set();
    this.#seen.set(service, known.add(id));
  }

  async #follow({ docker }: LabNode): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const filters = JSON.stringify({ type: ["container"], event: ["start"] });
        const stream = (await docker.getEvents({ filters, abortSignal: signal })) as unknown as Readable;
        for await (const piece of stream) {
          for (const line of String(piece).split("\n").filter(Boolean)) {
            const { Actor } = JSON.parse(line) as { Actor: { ID: string; Attributes: Record<string, string> } };
            this.#see(Actor.Attributes["com.docker.swarm.service.name"], Actor.ID);
          }
        }
      } catch {
        // The engine was killed. Containers that start before its events are read again are found by listing.
      }
      await Bun.sleep(50);
    }
  }

  async #look({ docker }: LabNode): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const list = await docker
        .listContainers({ all: true, filters: { label: ["com.docker.swarm.service.name"] } })
        .catch(() => []);
      for (const { Id, State, Labels } of list)
        if (State !== "created") this.#see(Labels["com.docker.swarm.service.name"], Id);
      await Bun.sleep(250);
    }
  }
}
