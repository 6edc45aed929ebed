/** The services that one process stands in for. */
export const STAND_INS = ['stripe', 'ses', 's3', 'cognito', 'agora'] as const;

/** One of them. */
export type StandInName = (typeof STAND_INS)[number];

/** The loopback port of each. */
export type StandInPorts = Record<StandInName, number>;
