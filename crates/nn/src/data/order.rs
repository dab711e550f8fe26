//! An order of many samples that is not kept in a list.

use rand::RngExt;
use retrograd_tensor::random::{self, Rng};

/// Rounds of the network; four of them are indistinguishable from chance for whoever does not know the
/// keys (Luby and Rackoff 1988), if their functions are.
const ROUNDS: usize = 6;

/// An order of `0..count`, a place at a time.
///
/// A random one of up to [`LISTED`](Self::LISTED) is a list, drawn uniformly from all there are. One of more
/// is a function, and takes no memory: a Feistel network with random keys puts the numbers below the next
/// power of four into another order, and is followed from each place until it is below `count` again (cycle
/// walking: Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
///
/// ```
/// use retrograd_nn::data::Order;
/// use retrograd_tensor::random;
///
/// let order = Order::random(1_000_000_000_000, &mut random::rng(1));
/// let first = order.at(0);
/// assert!(first < order.len() && order.place_of(first) == 0);
/// ```
#[derive(Clone, Debug)]
pub struct Order(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Straight(usize),
    Listed(Vec<usize>),
    Computed(Network),
}

#[derive(Clone, Debug)]
struct Network {
    count: u64,
    /// Bits of half a number.
    half: u32,
    keys: [u64; ROUNDS],
}

impl Order {
    /// Most numbers whose random order is a list.
    pub const LISTED: usize = 1 << 22;

    /// The numbers as they are.
    #[must_use]
    pub fn straight(count: usize) -> Self {
        Self(Kind::Straight(count))
    }

    /// A random order.
    #[must_use]
    pub fn random(count: usize, rng: &mut Rng) -> Self {
        match count <= Self::LISTED {
            true => Self(Kind::Listed(random::permutation(count, rng))),
            false => Self(Kind::Computed(Network::new(count as u64, rng))),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Kind::Straight(count) => *count,
            Kind::Listed(list) => list.len(),
            Kind::Computed(network) => network.count as usize,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at a place.
    ///
    /// # Panics
    /// If there is no such place.
    #[track_caller]
    #[must_use]
    pub fn at(&self, place: usize) -> usize {
        assert!(place < self.len(), "order: place {place} of {}", self.len());
        match &self.0 {
            Kind::Straight(_) => place,
            Kind::Listed(list) => list[place],
            Kind::Computed(network) => network.walk(place as u64, Network::forward) as usize,
        }
    }

    /// The place of a number; of a list, by looking through it.
    ///
    /// # Panics
    /// If there is no such number.
    #[track_caller]
    #[must_use]
    pub fn place_of(&self, number: usize) -> usize {
        assert!(number < self.len(), "order: {number} of {}", self.len());
        match &self.0 {
            Kind::Straight(_) => number,
            Kind::Listed(list) => {
                let place = list.iter().position(|own| *own == number);
                place.expect("a list holds every number")
            }
            Kind::Computed(network) => network.walk(number as u64, Network::backward) as usize,
        }
    }
}

impl Network {
    fn new(count: u64, rng: &mut Rng) -> Self {
        let bits = u64::BITS - count.saturating_sub(1).leading_zeros();
        Self {
            count,
            half: bits.div_ceil(2).max(1),
            keys: std::array::from_fn(|_| rng.random()),
        }
    }

    /// The next number of the cycle that is one of ours. The first is, so there is one.
    fn walk(&self, start: u64, step: fn(&Self, u64) -> u64) -> u64 {
        let mut number = step(self, start);
        while number >= self.count {
            number = step(self, number);
        }
        number
    }

    fn forward(&self, number: u64) -> u64 {
        let (mut left, mut right) = self.halves(number);
        for key in self.keys {
            (left, right) = (right, left ^ self.mixed(right, key));
        }
        left << self.half | right
    }

    fn backward(&self, number: u64) -> u64 {
        let (mut left, mut right) = self.halves(number);
        for key in self.keys.into_iter().rev() {
            (left, right) = (right ^ self.mixed(left, key), left);
        }
        left << self.half | right
    }

    fn halves(&self, number: u64) -> (u64, u64) {
        (number >> self.half, number & self.mask())
    }

    fn mask(&self) -> u64 {
        (1 << self.half) - 1
    }

    /// A hash of half a number and a key (the finaliser of SplitMix64: Steele, Lea and Flood 2014).
    fn mixed(&self, half: u64, key: u64) -> u64 {
        let mut z = half.wrapping_add(key);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) & self.mask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_place() {
        for count in [1, 2, 3, 4, 5, 1000, 4097] {
            let network = Network::new(count, &mut random::rng(count));
            let mut seen: Vec<u64> = (0..count)
                .map(|place| network.walk(place, Network::forward))
                .collect();
            for (place, number) in (0..count).zip(&seen) {
                assert_eq!(network.walk(*number, Network::backward), place);
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..count).collect::<Vec<_>>(), "{count}");
        }
    }

    #[test]
    fn computed_orders_look_like_chance() {
        const COUNT: usize = 1 << 40;
        let order = Order::random(COUNT, &mut random::rng(3));
        let other = Order::random(COUNT, &mut random::rng(4));
        let numbers: Vec<f64> = (0..20_000).map(|place| order.at(place) as f64).collect();
        assert!((0..100).any(|place| order.at(place) != other.at(place)));
        // A uniform share has mean 1/2 and deviation 1/√12, neighbours no correlation: five deviations.
        let shares: Vec<f64> = numbers
            .iter()
            .map(|number| number / COUNT as f64 - 0.5)
            .collect();
        let error = 5.0 / (shares.len() as f64).sqrt();
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        assert!(mean.abs() < error / 12_f64.sqrt(), "{mean}");
        let pairs = shares.windows(2).map(|pair| 12.0 * pair[0] * pair[1]);
        let correlation = pairs.sum::<f64>() / shares.len() as f64;
        assert!(correlation.abs() < error, "{correlation}");
    }

    #[test]
    fn short_orders_are_the_lists_that_they_were() {
        let order = Order::random(50, &mut random::rng(1));
        let list = random::permutation(50, &mut random::rng(1));
        assert!((0..50).all(|place| order.at(place) == list[place]));
        assert_eq!((order.place_of(list[7]), order.len()), (7, 50));
        assert_eq!(Order::straight(3).at(2), 2);
    }
}
