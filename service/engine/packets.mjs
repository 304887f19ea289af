// Cuts the bytes of a connection into the packets of PostgreSQL's protocol.

export class Packets {
  /** @type {Buffer[]} */
  #held = [];
  #bytes = 0;
  #wanted = 4;

  /**
   * The packets that are complete with these bytes, and null after one whose length is invalid.
   * @param {Buffer} chunk
   * @param {() => { typed: boolean, limit: number }} next whether the next packet begins with a type, as all but the
   *   first packet of a connection do, and how long it may be
   * @returns {Generator<Buffer | null, void, void>}
   */
  *add(chunk, next) {
    this.#held.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted) return;
    let data = this.#held.length > 1 ? Buffer.concat(this.#held) : chunk;
    while (true) {
      const { typed, limit } = next();
      const type = Number(typed);
      this.#wanted = type + 4;
      if (data.length < this.#wanted) break;
      const length = data.readUInt32BE(type);
      if (length < 4 || length > limit) {
        yield null;
        return;
      }
      this.#wanted = type + length;
      if (data.length < this.#wanted) break;
      const packet = data.subarray(0, this.#wanted);
      data = data.subarray(this.#wanted);
      yield packet;
    }
    this.#held = [data];
    this.#bytes = data.length;
  }

  /** Forgets the bytes of an incomplete packet. */
  clear() {
    this.#held = [];
    this.#bytes = 0;
  }
}
