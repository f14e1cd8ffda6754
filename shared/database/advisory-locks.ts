/** Keys of the advisory locks in the control plane's database: in one place, because two users of one key would wait for each other. */
export const advisoryLocks = {
  migrations: 7_305_001,
  audit: 7_305_002,
  broker_lead: 7_305_003,
  /** With the netuid as its second half. */
  aggregator_lead: 7_305_004,
} as const;
