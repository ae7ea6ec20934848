import { Option, type Command } from 'commander';
import type { Logger } from 'pino';
import type { ChosenDevice, Codec } from '../codec/types.js';
import { DEVICE, type RunSettings } from '../config/types.js';
import { GaussituError } from '../errors.js';
import { positive } from './targets.js';

export interface DeviceOptions {
  device?: string;
  deviceMemory?: number;
}

/** Where models are trained. */
export function addDeviceOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--device <D>',
        'where models are trained: cpu, cuda:N, or auto: the first card, else the CPU (default: cpu)',
      ).argParser((text) => {
        if (DEVICE.test(text)) return text;
        throw new GaussituError('INVALID_ARGUMENT', '--device', {
          expected: 'auto, cpu or cuda:N',
          received: text,
        });
      }),
    )
    .addOption(
      new Option(
        '--device-memory <bytes>',
        'memory of the card that may be used, e.g. 8G; blocks that need more go to the CPU (default: 90 % of what is free)',
      ).argParser(positive('--device-memory')),
    );
}

/** The device of this process from now on, told to the log: one line, with the reason where it is not a card. */
export function useDevice(codec: Codec, settings: RunSettings, log: Logger): ChosenDevice {
  const device = codec.useDevice(settings.device, Math.round(settings.deviceMemory));
  const { name, description, note } = device;
  if (note) log.warn({ device: name }, `device ${name} (${description}), no card: ${note}`);
  else log.info({ device: name }, `device ${name} (${description})`);
  return device;
}
