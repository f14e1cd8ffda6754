import type { Engine, SwarmNode } from "#shared/engine/engine.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { Policies } from "../admission/policies.ts";
import type { RegistryAuthOf } from "../admission/registry-auth.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { BrokerConfig } from "../config.ts";
import type { LogFiles } from "../logs/log-files.ts";
import type { Grant } from "../placement/placement.ts";
import type { DispatchStore } from "../store/dispatch-store.ts";
import type { EngineFeatures } from "../swarm/engine-features.ts";
import type { TasksView } from "../swarm/tasks-view.ts";
import type { TransferTokens } from "../transfers/tokens.ts";

export type DispatchSettings = Pick<
  BrokerConfig,
  | "stager_image"
  | "transfer_url"
  | "encrypted_overlays"
  | "tick_ms"
  | "queued_ms"
  | "staging_ms"
  | "starting_ms"
  | "collecting_ms"
  | "volume_ms"
  | "node_lost_ms"
>;

/** What the dispatcher acts with; the simulator gives its own of each. */
export interface DispatchWorld {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly store: DispatchStore;
  readonly blobs: Pick<BlobStore, "put">;
  readonly logs: LogFiles;
  readonly tokens: TransferTokens;
  readonly log: Logger;
  readonly settings: DispatchSettings;
  readonly features: EngineFeatures;
  /** The fencing number of this leader. */
  readonly fencing: number;
  /** Makes sure, right before something is started, that this is still the leader. @throws LeadLostError */
  confirm(): Promise<void>;
  readonly registryAuthOf: RegistryAuthOf;
  readonly policies: Policies;
  /** Tells those who wait for the job that it changed. */
  changed(jobId: string): void;
}

/** What one tick saw. */
export interface Sight {
  /** By the wall clock, as deadlines are. */
  readonly now_ms: number;
  /** By the clock that is never set, as what is remembered is. */
  readonly monotonic_ms: number;
  readonly tasks: TasksView;
  readonly nodes: ReadonlyMap<string, SwarmNode>;
  /** What each challenge has and may use. */
  readonly grants: ReadonlyMap<string, Grant>;
  /** Nodes that have been down, or gone, for longer than the setting. */
  readonly lostNodes: ReadonlySet<string>;
  /** Workers that are to give up their jobs, and until when these may finish. */
  readonly closing: ReadonlyMap<string, number>;
  /** When each worker's disk was last seen full, by the clock that is never set. */
  readonly disks_full_ms: ReadonlyMap<string, number>;
}
