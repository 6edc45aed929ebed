import agora from 'agora-token';

/** The project that tokens are for: both ids are 32 hexadecimal digits. */
export interface AgoraProject {
  appId: string;
  appCertificate: string;
}

/** A token lives at most a day. */
const LONGEST_SECONDS = 24 * 3600;
const LONGEST_NAME_BYTES = 64;
const LARGEST_UID = 2 ** 32 - 1;

/** The vendor's builder gives an empty string where it should throw. */
function checked(token: string): string {
  if (token === '') throw new Error('Agora tokens cannot be minted: the app id or the certificate is not 32 hexadecimal digits.');
  return token;
}

function lifetime(seconds: number): number {
  if (!(seconds >= 1)) throw new RangeError('A token must live for a second at least.');
  return Math.min(Math.floor(seconds), LONGEST_SECONDS);
}

function named(text: string, longest: number): string {
  if (text === '' || Buffer.byteLength(text) > longest) throw new RangeError(`A channel or user name has 1 to ${longest} bytes.`);
  return text;
}

/** Mints tokens for rooms and for the message service, here, without a call. Throws at once when the project's ids are malformed. */
export class AgoraTokens {
  constructor(private readonly project: AgoraProject) {
    this.rtmToken('start', 1);
  }

  /**
   * Lets the user `uid` (1 to 4,294,967,295; 0 would let anybody in) into a room for so many seconds, a day at most. When it runs out the
   * user is sent out. An observer may only watch.
   */
  rtcToken(options: { channel: string; uid: number; seconds: number; observer?: boolean }): string {
    const { uid, observer = false } = options;
    if (!Number.isInteger(uid) || uid < 1 || uid > LARGEST_UID) throw new RangeError('A uid is a whole number from 1 to 4294967295.');
    const channel = named(options.channel, LONGEST_NAME_BYTES - 1);
    const seconds = lifetime(options.seconds);
    const publish = observer ? 0 : seconds;
    const { appId, appCertificate } = this.project;
    return checked(
      agora.RtcTokenBuilder.buildTokenWithUidAndPrivilege(appId, appCertificate, channel, uid, seconds, seconds, publish, publish, publish),
    );
  }

  /** Lets a user into the message service for so many seconds, a day at most. */
  rtmToken(userId: string, seconds: number): string {
    const { appId, appCertificate } = this.project;
    return checked(agora.RtmTokenBuilder.buildToken(appId, appCertificate, named(userId, LONGEST_NAME_BYTES), lifetime(seconds)));
  }
}
