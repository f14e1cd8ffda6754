import type { Random } from "../model/random.ts";
import type { BrokerWorld } from "./world.ts";

const kinds = [
  "kill_node",
  "cut_node",
  "restore_node",
  "restore_node",
  "drain_node",
  "remove_node",
  "update_node",
  "restart_manager",
  "restart_manager",
  "restart_broker",
  "restart_broker",
  "stall_broker",
  "leave_alone",
  "cancel",
  "cancel",
  "close_worker",
  "open_worker",
  "remove_service",
  "engine_down",
  "engine_up",
  "step_clock",
  "fill_disk",
  "free_disk",
] as const;
export type ActKind = (typeof kinds)[number];

export interface Act {
  readonly kind: ActKind;
  readonly node: number;
  readonly value: number;
}

export interface Step {
  readonly submits: number;
  readonly act: Act | null;
  readonly pause_ms: number;
}

/** What happens in a seed's world. It is drawn beforehand, so that a failing run can be retried with less of it. */
export interface Schedule {
  readonly call_failure: number;
  readonly log_hang: number;
  readonly store_failure: number;
  readonly stager_failure: number;
  readonly steps: readonly Step[];
}

const steps_count = 40;

export function randomSchedule(random: Random): Schedule {
  const isStormy = random.chance(0.8);
  const rate = (...rates: number[]) => (isStormy ? random.pick(rates) : 0);
  const act = (): Act => ({
    kind: random.pick(kinds),
    node: random.between(0, 2),
    value: random.between(0, 20_000),
  });
  return {
    call_failure: rate(0, 0, 0.02, 0.1),
    log_hang: rate(0, 0, 0.1),
    store_failure: rate(0, 0, 0.02, 0.05),
    stager_failure: rate(0, 0, 0.1),
    steps: Array.from({ length: steps_count }, () => ({
      submits: random.between(0, 2),
      act: isStormy && random.chance(0.35) ? act() : null,
      pause_ms: random.between(100, 6_000),
    })),
  };
}

export function perform(world: BrokerWorld, { kind, node: index, value }: Act): void {
  const { swarm, engineFaults, clock } = world;
  const node = world.nodes[index];
  // At least one worker of each class stays, so that every job can end.
  const isThere = node !== undefined && swarm.nodes.has(node.id);
  const acts: Readonly<Record<ActKind, () => void>> = {
    kill_node: () => isThere && swarm.killNode(node),
    cut_node: () => isThere && swarm.cutNode(node),
    restore_node: () => isThere && swarm.restoreNode(node),
    drain_node: () => isThere && swarm.drainNode(node),
    remove_node: () => isThere && index === 1 && swarm.removeNode(node),
    update_node: () => isThere && swarm.updateNode(node),
    restart_manager: () => swarm.restartManager(),
    restart_broker: () => world.restartBroker(),
    stall_broker: () => world.stallBroker(1_000 + value),
    leave_alone: () => world.leaveAlone(20 * value),
    cancel: () => world.cancelOne(value),
    close_worker: () => isThere && world.closeWorker(node.id, value),
    open_worker: () => isThere && void world.table.closing.delete(node.id),
    remove_service: () => world.removeOneService(value),
    engine_down: () => {
      engineFaults.isDown = true;
    },
    engine_up: () => {
      engineFaults.isDown = false;
    },
    fill_disk: () => {
      if (isThere) node.isDiskLow = true;
    },
    free_disk: () => {
      if (isThere) node.isDiskLow = false;
    },
    // Two seconds, or ten minutes, forward or back.
    step_clock: () => clock.stepWallClock((value / 5 - 2_000) * (value % 2 === 0 ? 1 : 300)),
  };
  acts[kind]();
  world.unsettle();
}
