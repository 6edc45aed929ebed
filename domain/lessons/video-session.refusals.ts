import { Refusal } from '../kernel/refusal.ts';

export class VideoRoomNotFound extends Refusal {
  static override readonly kind = 'not_found';
  static override readonly sentence = 'This lesson has no room.';
}
export class VideoRoomExists extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The room of this lesson has been prepared.';
}
export class NotAParticipant extends Refusal {
  static override readonly kind = 'forbidden';
  static override readonly sentence = 'Only the student and the tutor of this lesson may do this.';
}
export class LessonNotLive extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The lesson is not confirmed, or it is over.';
}
export class LessonStillLive extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The lesson is not over.';
}
export class VideoRoomNotOpen extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The room is not open yet.';
}
export class VideoRoomIsClosed extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The room is closed.';
}
export class RecordingNotThere extends Refusal {
  static override readonly kind = 'conflict';
  static override readonly sentence = 'The recording is not in the state that this needs.';
}
