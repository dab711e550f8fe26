//! A stack of symbols of known probability: asymmetric numeral systems (Duda 2009), with a state of 64 bits that
//! gives off words of 32.
//!
//! ```text
//! push s:  x ← ⌊x/f⌋·2ʳ + x mod f + c        f/2ʳ the probability of s, c the sum of those before it
//! pop:     s is that with c ≤ x mod 2ʳ < c + f,   x ← f·⌊x/2ʳ⌋ + x mod 2ʳ − c
//! ```
//!
//! The two are inverses: what was pushed last is popped first. A symbol of probability p makes the stack
//! −log₂ p bits longer when it is pushed and shorter when it is popped, whatever the symbols were pushed by.
//! So popping from bits that are there already draws a symbol of that distribution, and pushing it again
//! gives the bits back: that is what bits-back coding rests on.

/// The least state: below it a word is taken in, and at 2⁶⁴ one would be given off.
const LEAST: u64 = 1 << 32;

/// The most bits r that probabilities are told in.
pub(super) const MOST_BITS: u32 = 32;

/// Nothing is left to pop from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

/// The stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stack {
    /// From 2³² to 2⁶⁴ − 1.
    pub(super) head: u64,
    /// What it gave off, the last at the end.
    pub(super) tail: Vec<u32>,
    /// How many words were lent, or none if nobody lends.
    lent: Option<usize>,
}

impl Stack {
    /// One that starts from bits that look random and, when it runs out, is lent more of them.
    pub(super) fn lending() -> Self {
        Self {
            head: first(),
            tail: Vec::new(),
            lent: Some(0),
        }
    }

    /// One that is to be emptied; none if no stack has such a head.
    pub(super) fn filled(head: u64, tail: Vec<u32>) -> Option<Self> {
        (head >= LEAST).then_some(Self {
            head,
            tail,
            lent: None,
        })
    }

    /// How many bits were there before anything was pushed.
    pub(super) fn initial_bits(&self) -> u64 {
        64 + 32 * self.lent.unwrap_or(0) as u64
    }

    /// Whether it is what so many lent words leave when all has been popped.
    pub(super) fn is_empty_but_for(&self, lent: u64) -> bool {
        let words = (1..=lent).rev().map(word);
        self.head == first()
            && self.tail.len() as u64 == lent
            && words.eq(self.tail.iter().copied())
    }

    /// Puts the symbol on top that has `frequency` of 2^bits, `start` being before it.
    pub(super) fn push(&mut self, start: u32, frequency: u32, bits: u32) {
        let (start, frequency) = (u64::from(start), u64::from(frequency));
        debug_assert!(frequency > 0 && bits <= MOST_BITS && start + frequency <= 1 << bits);
        if u128::from(self.head) >= u128::from(frequency) << (64 - bits) {
            self.tail.push(self.head as u32);
            self.head >>= 32;
        }
        self.head = ((self.head / frequency) << bits) + self.head % frequency + start;
    }

    /// Takes the symbol off the top: `find` says, of the place below 2^bits that is there, which symbol has
    /// it, and where that starts and how frequent it is.
    pub(super) fn pop<S>(
        &mut self,
        bits: u32,
        find: impl FnOnce(u32) -> (S, u32, u32),
    ) -> Result<S, Exhausted> {
        let place = self.head & ((1 << bits) - 1);
        let (symbol, start, frequency) = find(place as u32);
        let (start, frequency) = (u64::from(start), u64::from(frequency));
        debug_assert!((start..start + frequency).contains(&place));
        let mut head = frequency * (self.head >> bits) + place - start;
        if head < LEAST {
            head = head << 32 | u64::from(self.word()?);
        }
        self.head = head;
        Ok(symbol)
    }

    fn word(&mut self) -> Result<u32, Exhausted> {
        if let Some(own) = self.tail.pop() {
            return Ok(own);
        }
        let lent = self.lent.as_mut().ok_or(Exhausted)?;
        *lent += 1;
        Ok(word(*lent as u64))
    }
}

/// The head of a stack on which nothing is.
fn first() -> u64 {
    mixed(0) | LEAST
}

/// The lent word of this number, from 1 on.
fn word(number: u64) -> u32 {
    (mixed(number) >> 32) as u32
}

/// 64 bits that look random: the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frequencies of three symbols in 2^bits, one of them rare and one nearly certain.
    fn table(bits: u32) -> [(u32, u32); 3] {
        let all = 1_u64 << bits;
        let middle = (all - 2) as u32;
        [(0, 1), (1, middle), (1 + middle, 1)]
    }

    fn find(bits: u32, place: u32) -> (usize, u32, u32) {
        let table = table(bits);
        let symbol = table
            .iter()
            .rposition(|(start, _)| *start <= place)
            .unwrap();
        (symbol, table[symbol].0, table[symbol].1)
    }

    #[test]
    fn what_is_pushed_is_popped_the_other_way_round() {
        for bits in [2, 12, 24, 31, 32] {
            let mut stack = Stack::lending();
            let before = stack.clone();
            let symbols: Vec<usize> = (0..500).map(|at| (mixed(at) % 3) as usize).collect();
            for &symbol in &symbols {
                let (start, frequency) = table(bits)[symbol];
                stack.push(start, frequency, bits);
            }
            for &symbol in symbols.iter().rev() {
                assert_eq!(
                    stack.pop(bits, |place| find(bits, place)),
                    Ok(symbol),
                    "{bits}"
                );
            }
            assert_eq!(stack, before);
        }
    }

    #[test]
    fn what_is_popped_can_be_pushed_again() {
        // Far more is drawn than was there: words are lent, and given back.
        let mut stack = Stack::lending();
        let drawn: Vec<usize> = (0..300)
            .map(|_| stack.pop(20, |place| find(20, place)).unwrap())
            .collect();
        let mut uniform = Vec::new();
        for _ in 0..100 {
            uniform.push(stack.pop(16, |place| (place, place, 1)).unwrap());
        }
        assert!(stack.initial_bits() > 64 + 100 * 15);
        let lent = stack.lent.unwrap() as u64;
        assert!(!stack.is_empty_but_for(lent));
        let mut back = Stack::filled(stack.head, stack.tail).unwrap();
        for &place in uniform.iter().rev() {
            back.push(place, 1, 16);
        }
        for &symbol in drawn.iter().rev() {
            let (start, frequency) = table(20)[symbol];
            back.push(start, frequency, 20);
        }
        assert!(back.is_empty_but_for(lent));
        assert!(!back.is_empty_but_for(lent + 1));
    }

    #[test]
    fn symbols_take_as_many_bits_as_their_probability_says() {
        let mut stack = Stack::lending();
        // 1 of 8, a thousand times: 3000 bits.
        for at in 0..1000 {
            stack.push((mixed(at) % 8) as u32, 1, 3);
        }
        let bits = 32 * stack.tail.len() as i64;
        assert!((bits - 3000).abs() <= 64, "{bits}");
    }

    #[test]
    fn of_nothing_there_is_nothing_to_pop() {
        let mut stack = Stack::filled(LEAST, Vec::new()).unwrap();
        assert_eq!(stack.pop(16, |place| (place, place, 1)), Err(Exhausted));
        assert_eq!(Stack::filled(LEAST - 1, Vec::new()), None);
    }
}
