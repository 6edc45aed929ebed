import type { ProcessManager } from '#domain/kernel/consumer.ts';

/** Every policy across aggregates: what the process-manager engine runs. */
export const processManagers: readonly ProcessManager[] = [];
