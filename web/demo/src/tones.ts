/** Plays keys as a telephone does: two tones each (ITU-T Q.23). */

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477];
export const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

/** Seconds that a key sounds, and from its begin to that of the next. */
const SOUND = 0.09;
const STEP = 0.15;

let context: AudioContext | undefined;

/** Plays the keys, and is done when the last has sounded. `sounding` hears of each as it begins. */
export async function play(keys: string, sounding: (key: string) => void): Promise<void> {
  context ??= new AudioContext();
  for (const key of keys) {
    const place = KEYS.indexOf(key);
    if (place < 0) continue;
    sounding(key);
    for (const frequency of [ROWS[Math.floor(place / 3)], COLUMNS[place % 3]]) {
      const oscillator = new OscillatorNode(context, { frequency: frequency ?? 0 });
      oscillator.connect(new GainNode(context, { gain: 0.08 })).connect(context.destination);
      oscillator.start();
      oscillator.stop(context.currentTime + SOUND);
    }
    await new Promise((done) => setTimeout(done, STEP * 1000));
  }
}
