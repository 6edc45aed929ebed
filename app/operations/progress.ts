import type { RebuildStage } from '#infra/projections/rebuild.ts';

/** Where progress is shown: a terminal gets a bar, anything else a line now and then. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressParts {
  /** What is being made. */
  readonly name: string;
  /** Commit position at which it is done. */
  readonly target: bigint;
  readonly screen: Screen;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

const STAGES: Readonly<Record<RebuildStage, string>> = {
  filling: 'filling',
  following: 'following the log',
  comparing: 'comparing',
  swapping: 'swapping',
  waiting: 'waiting for the serving table, which is behind or in use',
};

/** Rate and remaining time go by the last so many milliseconds: what was before a pause says nothing of what comes. */
const WINDOW_MS = 5_000;
const DRAW_MS = 100;
const LINE_MS = 5_000;
const CELLS = 30;

interface Sample {
  readonly at: number;
  readonly position: bigint;
  readonly events: number;
}

/** Shows how far work on the log has come, at which rate, and how long it will take. Positions are offsets in the log: they say which part of the way is done. */
export class Progress {
  readonly #parts: ProgressParts;
  readonly #now: () => number;
  readonly #told = new Map<RebuildStage, number>();
  #stage: RebuildStage = 'filling';
  #samples: Sample[] = [];
  #shownAt = -Infinity;
  #redraw: NodeJS.Timeout | undefined;

  constructor(parts: ProgressParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
  }

  /** A stage begins, at a position. */
  stage(stage: RebuildStage, from: bigint): void {
    this.#stage = stage;
    if (stage === 'filling') this.#samples = [{ at: this.#now(), position: from, events: 0 }];
    if (this.#parts.screen.isTTY === true) {
      // It is drawn anew also while nothing moves, as when the work is held back.
      this.#redraw ??= setInterval(() => this.#draw(), 1_000).unref();
      return this.#draw();
    }
    const now = this.#now();
    if (now - (this.#told.get(stage) ?? -Infinity) < LINE_MS) return;
    this.#told.set(stage, now);
    this.#shownAt = now;
    const begun = stage === 'filling' && from >= 0n ? `, going on at ${from}` : '';
    this.#parts.screen.write(`${this.#parts.name}: ${STAGES[stage]}${begun}\n`);
  }

  /** So many more events are in, up to a position. */
  moved(position: bigint, events: number): void {
    const now = this.#now();
    this.#samples.push({ at: now, position, events: (this.#samples.at(-1)?.events ?? 0) + events });
    if (now - this.#shownAt < (this.#parts.screen.isTTY === true ? DRAW_MS : LINE_MS) || this.#stage !== 'filling') return;
    if (this.#parts.screen.isTTY === true) return this.#draw();
    this.#shownAt = now;
    this.#parts.screen.write(`${this.#parts.name}: ${this.#numbers()}\n`);
  }

  /** Leaves the screen as it was. */
  end(): void {
    clearInterval(this.#redraw);
    if (this.#redraw !== undefined) this.#parts.screen.write('\r\u001b[K');
    this.#redraw = undefined;
  }

  #draw(): void {
    this.#shownAt = this.#now();
    const { name, screen } = this.#parts;
    const words = this.#stage === 'filling' ? this.#numbers() : STAGES[this.#stage];
    // As much of a bar as there is room for.
    const columns = screen.columns ?? 80;
    const cells = Math.max(0, Math.min(CELLS, columns - name.length - words.length - 5));
    const bar = '#'.repeat(Math.floor(this.#done() * cells)).padEnd(cells, '.');
    screen.write(`\r${`${name} [${bar}] ${words}`.slice(0, columns - 1)}\u001b[K`);
  }

  #numbers(): string {
    const { eventsPerSecond, secondsLeft } = this.#pace();
    const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`;
    return `${Math.floor(this.#done() * 100)} %, ${Math.round(eventsPerSecond).toLocaleString('en')} events/s${left}`;
  }

  /** From 0 to 1. */
  #done(): number {
    const { target } = this.#parts;
    const position = this.#samples.at(-1)?.position ?? -1n;
    if (position >= target) return 1;
    return position < 0n ? 0 : Number(position) / Number(target);
  }

  #pace(): { eventsPerSecond: number; secondsLeft: number | undefined } {
    const now = this.#now();
    while (this.#samples.length > 1 && this.#samples[1]!.at <= now - WINDOW_MS) this.#samples.shift();
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || now <= first.at) return { eventsPerSecond: 0, secondsLeft: undefined };
    const seconds = (now - first.at) / 1_000;
    const way = Number(last.position - first.position) / seconds;
    const rest = Math.max(0, Number(this.#parts.target - last.position));
    return { eventsPerSecond: (last.events - first.events) / seconds, secondsLeft: way > 0 ? rest / way : undefined };
  }
}

/** `1:05` for 65 seconds, `2:00:00` for two hours. */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (number: number): string => String(number).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
