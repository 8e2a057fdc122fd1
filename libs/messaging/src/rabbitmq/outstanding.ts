/**
 * Delivery tags of one channel that are not acknowledged yet. Tags rise, so all tags up to some point can be acknowledged by one frame;
 * that is what a batch usually amounts to.
 */
export class Outstanding {
  /** In rising order, because deliveries arrive so and deleting keeps the order. */
  private readonly tags = new Set<number>();

  get size(): number {
    return this.tags.size;
  }

  add(tag: number): void {
    this.tags.add(tag);
  }

  /**
   * Takes tags off the list. @returns the frames to send: `upTo` acknowledges that tag and every earlier one, `single` each of its own.
   * Tags that are not outstanding are left out: acknowledging twice closes the channel.
   */
  acknowledge(done: Iterable<number>): { upTo: number | undefined; single: number[] } {
    const wanted = new Set<number>();
    for (const tag of done) if (this.tags.has(tag)) wanted.add(tag);
    let upTo: number | undefined;
    for (const tag of this.tags) {
      if (!wanted.has(tag)) break;
      upTo = tag;
    }
    const single: number[] = [];
    for (const tag of wanted) {
      this.tags.delete(tag);
      if (upTo === undefined || tag > upTo) single.push(tag);
    }
    return { upTo, single };
  }
}
