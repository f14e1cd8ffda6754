/** The prefix of the platform's labels. A job request cannot set labels with it. */
export const ownPrefix = "platform.";

/** The labels of what the platform makes in a Swarm, and of its nodes. */
export const label = {
  /** "true" on everything that the platform made. The platform never changes or removes anything else. */
  managed: "platform.managed",
  /** "jobs" on all services, tasks and networks around jobs: one filter lists them. */
  fleet: "platform.fleet",
  /** The purpose of the object: `role`, `challenge`, `job`, `stage`, `collect` or `janitor`. */
  kind: "platform.kind",
  /** The job's id. For a janitor, the name of its service. */
  id: "platform.id",
  challenge: "platform.challenge",
  role: "platform.role",
  /** The job_id and task_id that a challenge gave. */
  job: "platform.job",
  task: "platform.task",
  /** Digest of the wanted state at the time the object was made. A different digest means a change. */
  spec: "platform.spec",
  /** On a challenge's container: the generation of the tokens that it was started with. */
  token_generation: "platform.token_generation",
  /** On a node: the class of the jobs it takes, `cpu` or `gpu`. */
  workload: "platform.workload",
  /** The engine's own label on a task's container: the name of its service. */
  service_name: "com.docker.swarm.service.name",
} as const;

/** The label of everything that the platform made. */
export const managed = { [label.managed]: "true" } as const;
export const managedChallenges = { ...managed, [label.kind]: "challenge" } as const;
export const jobFleet = { [label.fleet]: "jobs" } as const;
