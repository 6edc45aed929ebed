import type { Command } from './kernel/command.ts';
import type { AnyDecider, Decider } from './kernel/decider.ts';
import type { DomainEvent } from './kernel/event.ts';
import { lessonBooking } from './lessons/lesson-booking.ts';
import { tutorCalendar } from './lessons/tutor-calendar.ts';
import { connectionRequest } from './matching/connection-request.ts';

/** Every aggregate of the system. Routes, codec, catalogue and subscription filters come from this list. */
const list = [connectionRequest, lessonBooking, tutorCalendar] as const;

type EventOfDecider<D> = D extends Decider<infer _S, infer _C, infer E> ? E : never;

/** Any event of the system. */
export type AnyEvent = EventOfDecider<(typeof list)[number]>;

/** Every event of the system by its name: what consumers' maps are typed by. */
export type Events = { [E in AnyEvent as E['type']]: E };

export const deciders: readonly AnyDecider[] = list as readonly unknown[] as readonly Decider<unknown, Command, DomainEvent>[];
