/** What a parent tells its supervised child over the IPC channel. */
export type ParentMessage<Input> = { kind: 'start'; input: Input } | { kind: 'stop' };

/** What a supervised child answers. */
export type ChildMessage<Ready> = { kind: 'ready'; ready: Ready } | { kind: 'failed'; reason: string };
