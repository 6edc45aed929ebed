import { command, SYSTEM, type CommandMessage } from '#domain/kernel/command.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { reserveEmail } from '#domain/identity/email-reservation.ts';
import { activateUser, registerUser } from '#domain/identity/user-account.messages.ts';
import { MailTokens } from '#infra/auth/mail-tokens.ts';
import type { System } from '../system/system.ts';

/**
 * Makes an administrator who can sign in; sets the password of one who exists. Nobody can register as one: this is the only way.
 * @returns the user id, which follows from the address
 */
export async function createAdmin(system: System, admin: { email: string; password: string }): Promise<string> {
  const { config, adapters } = system.foundation;
  const email = admin.email.trim().normalize('NFC').toLowerCase();
  const emailHash = new MailTokens(config.masterKey).emailHash(email);
  const userId = followUpId('Admin', emailHash);
  const send = (message: CommandMessage) => {
    const commandId = followUpId('create-admin', userId, message.type);
    return system.commands.send(message, { commandId, correlationId: userId, causationId: commandId, source: 'create-admin', by: SYSTEM });
  };
  await send(command(reserveEmail, { emailHash, userId }));
  await send(command(registerUser, { userId, email, emailHash, role: 'admin', timeZone: 'UTC', locale: 'en' }));
  await adapters.userPool.createAdmin({ email, password: admin.password, userId });
  await send(command(activateUser, { userId }));
  return userId;
}
