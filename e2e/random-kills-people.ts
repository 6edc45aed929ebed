import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { ApiProblem } from '#app/demo/api.ts';
import { administrator, readyToTeach, verifiedTutor } from '#app/demo/onboarding.ts';
import { join, newPerson, signIn, type Person, type World } from '#app/demo/people.ts';
import { DAY, MINUTE, plus } from '#domain/kernel/time.ts';
import { paymentIdOf } from '#domain/payments/payment-commands.ts';
import { signedHeaders } from '#infra/auth/signing.ts';
import type { Chance } from './random-kills-chance.ts';
import type { Platform } from './random-kills-platform.ts';

/** What people have heard from the platform: each of these it owes exactly one place in the log. Ids by the kind of what they name. */
export interface Receipts {
  readonly requests: string[];
  readonly acceptances: string[];
  readonly bookings: string[];
  readonly refunds: string[];
  readonly endings: string[];
}

interface Lesson {
  readonly bookingId: string;
  readonly startsAt: string;
  readonly student: Person;
  readonly tutor: Person;
}

const PATIENCE_MS = 600_000;
const LESSONS_OF_A_STUDENT = 6;
const VISA = 'pm_card_visa';
const DECLINED = 'pm_card_visa_chargeDeclined';
/** What a student means to do with the time once it is held. */
const PLANS = { pay: 40, attend: 22, 'pay twice at once': 10, 'be declined': 8, 'change the card': 10, 'walk away': 10 } as const;
type Plan = keyof typeof PLANS;
/** The payment is on its way, or Stripe says no more than that. */
const NOT_YET: readonly string[] = ['payment_not_found', 'payment_not_open', 'payment_not_ready'];
const ENDED: readonly string[] = ['Failed', 'Completed', 'Settled', 'Interrupted'];
const quiet = () => Promise.resolve();

/** People who use the platform while it dies: they ask again for what nobody answered, under the same keys, and take a refusal for an answer. */
export class People {
  readonly receipts: Receipts = { requests: [], acceptances: [], bookings: [], refunds: [], endings: [] };
  /** How often each refusal was heard. */
  readonly refusals = new Map<string, number>();
  /** What should not happen to anybody. */
  readonly complaints: unknown[] = [];
  readonly #tutors: Person[] = [];
  readonly #world: World;
  readonly #loose = new Set<Promise<void>>();
  #toBeHeld: Lesson[] = [];
  #held: Lesson[] = [];
  #adminId = '';
  #class: Promise<void> | undefined;
  #students = 0;
  #over = false;
  #gone = false;

  constructor(
    private readonly platform: Platform,
    private readonly chance: Chance,
  ) {
    this.#world = { publicUrl: platform.addresses.publicUrl, operator: platform.operator, run: 'kills' };
  }

  /** Tutors whom lessons can be booked with. */
  async open(tutors: number): Promise<void> {
    const admin = await administrator(this.#world, this.platform.addresses.admin);
    this.#adminId = admin.userId;
    for (let number = 1; number <= tutors; number++) {
      const tutor = await verifiedTutor({ ...this.#world, run: `tutor-${number}` }, admin, quiet);
      await readyToTeach(this.#world, tutor, quiet);
      await tutor.api.until<true, { account: string }>('/tutors/earnings', ({ account }) => account === 'Active');
      this.#tutors.push(tutor);
    }
  }

  /** Lets so many students live, one lesson after the other; each makes room for a new one after some lessons. Resolves when the first are there. */
  async begin(students: number): Promise<void> {
    const first = await Promise.all(Array.from({ length: students }, () => this.#newStudent()));
    for (const student of first) this.#aside(this.#live(student, this.chance.fork()));
  }

  /** Resolves when everybody has come to the end of what they were about. */
  async end(): Promise<void> {
    this.#over = true;
    while (this.#loose.size > 0) await Promise.all(this.#loose);
  }

  /**
   * The clock moves to the next lesson that somebody means to attend, and all that begin then are held. Whoever has not paid by then loses the
   * time. Nothing happens while such lessons are under way.
   */
  nextClass(): void {
    if (this.#class !== undefined) return;
    const now = this.platform.operator.time();
    const coming = this.#toBeHeld.filter(({ startsAt }) => startsAt > now).toSorted((a, b) => (a.startsAt < b.startsAt ? -1 : 1));
    const [first] = coming;
    if (first === undefined) return;
    void this.platform.operator.moveClockTo(plus(first.startsAt, -4 * MINUTE));
    const together = coming.filter(({ startsAt }) => startsAt <= plus(first.startsAt, 5 * MINUTE));
    this.#toBeHeld = coming.filter((lesson) => !together.includes(lesson));
    this.#class = Promise.all(together.map((lesson) => this.#unlessRefused(() => this.#hold(lesson))))
      .then(() => this.#unlessRefused(() => this.#complain()))
      .finally(() => (this.#class = undefined));
    this.#aside(this.#class);
  }

  /** Everybody goes away in the middle of things; the platform may not be there any more. */
  abandon(): void {
    this.#over = true;
    this.#gone = true;
  }

  #aside(work: Promise<void>): void {
    const noted: Promise<void> = work.catch((error: unknown) => void this.complaints.push(error)).finally(() => this.#loose.delete(noted));
    this.#loose.add(noted);
  }

  async #live(first: Person, chance: Chance): Promise<void> {
    for (let student = first; ; student = await this.#newStudent()) {
      const matched = new Set<Person>();
      for (let lessons = 0; lessons < LESSONS_OF_A_STUDENT; lessons++) {
        if (this.#over) return;
        const tutor = chance.pick(this.#tutors)!;
        await this.#unlessRefused(async () => {
          // A request that waits while the clock moves on may expire; then nothing comes of this lesson.
          if (!matched.has(tutor)) await this.#connect(student, tutor);
          matched.add(tutor);
          await this.#lesson(student, tutor, chance);
        });
      }
    }
  }

  async #newStudent(): Promise<Person> {
    const student = await this.#registered();
    const profile = { dateOfBirth: '1990-05-17', name: 'Ben', gradeLevel: 'adult', subjectsOfInterest: ['mathematics'] };
    await this.#post(student, '/students/profile', profile);
    await this.#persistently(() =>
      student.api.until<true, { student: { status: string } | null }>('/users/profile', ({ student: mine }) => mine?.status === 'Ready'),
    );
    return student;
  }

  /** Somebody who has signed in. */
  async #registered(): Promise<Person> {
    for (;;) {
      this.#students += 1;
      const person = newPerson({ ...this.#world, run: `student-${this.#students}` }, 'Ben Adult');
      try {
        await join(this.#world, person, 'student', 'Europe/Paris');
        return person;
      } catch (error) {
        // A mail that nobody knows the fate of waits until the platform has listened for a while, which it may not live for: somebody else registers.
        if (error instanceof ApiProblem || this.#gone) throw error;
      }
    }
  }

  async #connect(student: Person, tutor: Person): Promise<void> {
    const wish = { tutorId: tutor.userId, subject: 'mathematics', level: 'gcse', message: 'Could you help me with fractions?' };
    const { id } = await this.#post<{ id: string }>(student, '/connections/request', wish);
    this.receipts.requests.push(id);
    await this.#post(tutor, `/connections/${id}/viewed`);
    await this.#post(tutor, `/connections/${id}/accept`);
    this.receipts.acceptances.push(id);
    await this.#persistently(() =>
      student.api.until<true, { matches: { tutorId: string }[] }>('/matches', ({ matches }) =>
        matches.some(({ tutorId }) => tutorId === tutor.userId),
      ),
    );
  }

  async #lesson(student: Person, tutor: Person, chance: Chance): Promise<void> {
    const plan: Plan = chance.weighted(PLANS);
    const { slots } = await this.#persistently(() =>
      student.api.get<{ slots: { startsAt: string }[] }>(`/tutors/${tutor.userId}/slots?minutes=60`),
    );
    // Those who will come all want the first hours, and get into each other's way.
    const slot = slots[chance.below(Math.min(slots.length, plan === 'attend' ? 4 : 80))];
    if (slot === undefined) throw new Error('the tutor offers no time at all');
    const { startsAt } = slot;
    const wanted = { tutorId: tutor.userId, subject: 'mathematics', startsAt, minutes: 60 };
    const { id: bookingId } = await this.#post<{ id: string }>(student, '/lessons/book', wanted);
    this.receipts.bookings.push(bookingId);
    const lesson: Lesson = { bookingId, startsAt, student, tutor };
    if ((await this.#reaches(lesson, ['Reserved'])) !== 'Reserved') return;
    await this.#goOn(lesson, plan, chance);
  }

  async #goOn(lesson: Lesson, plan: Plan, chance: Chance): Promise<void> {
    switch (plan) {
      case 'walk away':
        return;
      case 'be declined':
        for (let attempt = 1; attempt <= 3; attempt++) await this.#pay(lesson, DECLINED);
        return;
      case 'change the card':
        await this.#pay(lesson, DECLINED);
        await this.#pay(lesson, VISA);
        break;
      case 'pay twice at once':
        await Promise.all([this.#pay(lesson, VISA), this.#pay(lesson, VISA)]);
        break;
      default:
        await this.#pay(lesson, VISA);
    }
    // Stripe's word may be hours away: only those who mean to come wait for it.
    if (plan === 'attend' && (await this.#reaches(lesson, ['Confirmed'])) === 'Confirmed') this.#toBeHeld.push(lesson);
    if (plan === 'pay' && chance.happens(0.3) && (await this.#reaches(lesson, ['Confirmed'])) === 'Confirmed')
      await this.#refund(lesson, 1 + chance.below(4_000));
  }

  /** Waits until a lesson has come to one of these states, or to an end. */
  #reaches({ student, bookingId }: Lesson, wanted: readonly string[]): Promise<string> {
    return this.#persistently(() =>
      student.api.until<string, { status: string }>(
        `/lessons/${bookingId}/status`,
        ({ status }) => [...wanted, ...ENDED].includes(status) && status,
      ),
    );
  }

  /** Pays until there is an answer; a refusal says that it is paid, or that it is too late. Each call is a new attempt of the payer. */
  async #pay(lesson: Lesson, paymentMethodId: string): Promise<void> {
    const { student, bookingId } = lesson;
    for (const deadline = Date.now() + PATIENCE_MS; !this.#gone && Date.now() < deadline; await wait(100)) {
      try {
        await student.api.post('/payments/process', { bookingId, paymentMethodId });
        return;
      } catch (error) {
        if (!(error instanceof ApiProblem)) continue;
        if (!NOT_YET.includes(error.code)) return this.#heard(error);
        if ((await this.#reaches(lesson, ['Reserved'])) !== 'Reserved') return;
      }
    }
    throw new Error(`the payment for ${bookingId} was not answered`);
  }

  async #hold({ bookingId, student, tutor }: Lesson): Promise<void> {
    for (const person of [student, tutor]) {
      const { channel, uid } = await this.#persistently(() =>
        person.api.patiently(
          () => this.#post<{ channel: string; uid: number }>(person, `/lessons/${bookingId}/join`, { recordingConsent: false }),
          ['video_room_not_found'],
        ),
      );
      await this.platform.enterRoom(channel, uid);
    }
    await this.#reaches({ bookingId, student, tutor, startsAt: '' }, ['InProgress']);
    await this.#post(tutor, `/lessons/${bookingId}/end`);
    this.receipts.endings.push(bookingId);
    this.#held.push({ bookingId, student, tutor, startsAt: this.platform.operator.time() });
  }

  /** One of those whose tutor has been paid gets money back. */
  async #complain(): Promise<void> {
    const dayAgo = plus(this.platform.operator.time(), -(DAY + MINUTE));
    const paid = this.#held.findIndex(({ startsAt }) => startsAt < dayAgo);
    const [lesson] = paid < 0 ? [] : this.#held.splice(paid, 1);
    if (lesson !== undefined) await this.#refund(lesson, 1 + this.chance.below(4_000));
  }

  /** An administrator gives part of a payment back. */
  async #refund({ bookingId }: Lesson, amount: number): Promise<void> {
    const refundId = randomUUID();
    await this.#internal('/internal/payments/refund', { paymentId: paymentIdOf(bookingId), refundId, amount, reason: 'it was too noisy' });
    this.receipts.refunds.push(refundId);
  }

  /** Posts as a person, who signs in again when that was too long ago. */
  #post<T>(person: Person, path: string, body: object = {}): Promise<T> {
    const key = randomUUID();
    return this.#persistently(async () => {
      try {
        return await person.api.post<T>(path, body, key);
      } catch (error) {
        if (!(error instanceof ApiProblem && error.status === 401)) throw error;
        await signIn(person);
        return person.api.post<T>(path, body, key);
      }
    });
  }

  async #internal(path: string, body: object): Promise<void> {
    const { internalUrl, internalKey } = this.platform.addresses;
    const url = new URL(path, internalUrl);
    const text = JSON.stringify(body);
    const key = randomUUID();
    for (const deadline = Date.now() + PATIENCE_MS; !this.#gone && Date.now() < deadline; await wait(200)) {
      // Signed anew each time: a signature is taken once.
      const signed = signedHeaders({ method: 'POST', url, actingAdmin: this.#adminId, body: text }, internalKey);
      const headers = { ...signed, 'content-type': 'application/json', 'idempotency-key': key };
      const response = await fetch(url, { method: 'POST', headers, body: text }).catch(() => undefined);
      const answer = await response?.json().catch(() => undefined);
      if (response === undefined || answer === undefined) continue;
      if (response.ok) return;
      const { code } = answer as { code: string };
      if (response.status === 503 || code === 'idempotency_key_in_use') continue;
      throw new ApiProblem(path, response.status, code, answer as Record<string, unknown>);
    }
    throw new Error(`${path} was not answered`);
  }

  async #unlessRefused(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      this.#heard(error);
    }
  }

  #heard(problem: ApiProblem): void {
    if (problem.status >= 500 || problem.status === 400 || problem.status === 401) throw problem;
    this.refusals.set(problem.code, (this.refusals.get(problem.code) ?? 0) + 1);
  }

  /** Asks again for as long as nobody answers; a refusal is an answer. */
  async #persistently<T>(ask: () => Promise<T>): Promise<T> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await wait(100)) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof ApiProblem || this.#gone || Date.now() > deadline) throw error;
      }
    }
  }
}
