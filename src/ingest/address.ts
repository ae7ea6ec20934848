import { GaussituError } from '../errors.js';

/**
 * Checks where to listen. Without encryption and authentication anyone who reaches the port can write into the
 * run folder and read what the service answers, so only this machine is served unless the user says otherwise.
 */
export function checkAddress(address: string, allowRemote: boolean): void {
  if (/^(ipc|inproc):\/\/.+/.test(address)) return;
  const match = /^tcp:\/\/(\[[^\]]*\]|[^:/]+):(\d+|\*)$/.exec(address);
  if (!match || (match[2] !== '*' && Number(match[2]) > 65535)) {
    throw new GaussituError('INVALID_ARGUMENT', '--listen', {
      expected: 'tcp://HOST:PORT (PORT 0 or * for any free one) or ipc://PATH',
      received: address,
    });
  }
  const host = match[1] ?? '';
  if (allowRemote || /^(127\.\d+\.\d+\.\d+|localhost|lo|\[::1\])$/.test(host)) return;
  throw new GaussituError('INVALID_ARGUMENT', '--listen', {
    expected: 'an address of this machine only, like tcp://127.0.0.1:5555',
    received: address,
    hint:
      'the protocol is neither encrypted nor authenticated: on a trusted network give --allow-remote, ' +
      'elsewhere use an SSH tunnel to a loopback address',
  });
}

/** The bind call's way to ask for a free port. */
export function bindAddress(address: string): string {
  return address.replace(/:0$/, ':*');
}

/** Why a bind failed, in words. */
export function bindError(address: string, cause: unknown): GaussituError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new GaussituError('ADDRESS_IN_USE', `cannot listen on ${address}`, {
      expected: 'a free address',
      received: 'one that another process listens on',
      hint: 'stop the other service, or give --listen another port (port 0: any free one)',
      cause,
    });
  }
  return new GaussituError('INVALID_ARGUMENT', `cannot listen on ${address}`, { received: message, cause });
}
