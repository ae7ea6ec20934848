import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

/** Logs on stderr: lines for people on a terminal, JSON elsewhere. stdout belongs to the command's output. */
export function createLog(level: string): Logger {
  const stream = process.stderr.isTTY
    ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss' })
    : pino.destination({ dest: 2, sync: true });
  return pino({ level, base: null }, stream);
}
