//! Where the elements of entities go: each in a group or repeat that holds what
//! it is made of, no two in the same.

use std::collections::BTreeMap;

/// A group or repeat.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Container {
    pub(super) row: u32,
    pub(super) name: String,
    pub(super) repeats: bool,
}

/// The containers around something, outermost first; empty for the form itself.
type Way = Vec<Container>;

/// A question that an entity is made of.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) around: Way,
    /// Row in the survey sheet.
    pub(super) row: u32,
    /// It is saved to a property; otherwise an expression of the entity reads it.
    pub(super) saves: bool,
}

/// An entity that needs a place.
pub(super) struct Wish {
    pub(super) list: String,
    /// Row in the entities sheet.
    pub(super) row: u32,
    pub(super) references: Vec<Reference>,
}

/// Why there is no place.
pub(super) struct Refusal {
    pub(super) in_survey: bool,
    pub(super) row: u32,
    pub(super) message: String,
}

/// A place for each wish, in their order.
pub(super) fn places(wishes: &[Wish]) -> Result<Vec<Way>, Vec<Refusal>> {
    let mut requests = Vec::new();
    let mut refusals = Vec::new();
    for (number, wish) in wishes.iter().enumerate() {
        match request(wish, number) {
            Ok(request) => requests.push(request),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    // A single entity about the form as a whole stays at its top.
    if let [only] = requests.as_slice()
        && only.scope.is_empty()
    {
        return Ok(vec![Way::new()]);
    }
    allocate(wishes, &requests)
}

struct Request {
    wish: usize,
    /// The innermost repeat that holds everything.
    scope: Way,
    /// The container that fits best.
    wanted: Way,
    /// Where its properties are.
    properties: Vec<Way>,
}

fn repeats(way: &[Container]) -> usize {
    way.iter().filter(|container| container.repeats).count()
}

/// Up to the innermost repeat.
fn scope(way: &[Container]) -> &[Container] {
    let end = way.iter().rposition(|container| container.repeats).map_or(0, |last| last + 1);
    way.get(..end).unwrap_or_default()
}

fn shown(way: &[Container]) -> String {
    match way.last() {
        None => "the form".to_owned(),
        Some(last) => format!("\"{}\" (row {})", last.name, last.row),
    }
}

fn request(wish: &Wish, number: usize) -> Result<Request, Refusal> {
    let mut deepest: &[Container] = &[];
    for reference in &wish.references {
        if repeats(&reference.around) > repeats(deepest) {
            deepest = scope(&reference.around);
        }
    }
    let properties: Vec<&Reference> = wish.references.iter().filter(|reference| reference.saves).collect();
    let wanted: Way = match properties.as_slice() {
        [] => wish
            .references
            .iter()
            .map(|reference| &reference.around)
            .filter(|around| scope(around) == deepest)
            .fold(
                deepest.to_vec(),
                |best, around| if around.len() > best.len() { around.clone() } else { best },
            ),
        [first, rest @ ..] => {
            let mut common = first.around.as_slice();
            for reference in rest {
                let same =
                    common.iter().zip(&reference.around).take_while(|(left, right)| left == right).count();
                common = common.get(..same).unwrap_or_default();
            }
            let inner = properties
                .iter()
                .map(|reference| scope(&reference.around))
                .fold(&[][..], |inner, scope| if repeats(scope) > repeats(inner) { scope } else { inner });
            if common.len() >= inner.len() { common.to_vec() } else { inner.to_vec() }
        }
    };
    for reference in &wish.references {
        let own = scope(&reference.around);
        let fits = deepest.starts_with(own) && (!reference.saves || scope(&wanted) == own);
        if !fits {
            let other = if deepest.starts_with(own) { scope(&wanted) } else { deepest };
            return Err(Refusal {
                in_survey: reference.saves,
                row: if reference.saves { reference.row } else { wish.row },
                message: format!(
                    "the entity of \"{}\" is made of answers in {} and in {} (row {}), which are not of the same instance",
                    wish.list,
                    shown(other),
                    shown(own),
                    reference.row
                ),
            });
        }
    }
    Ok(Request {
        wish: number,
        scope: deepest.to_vec(),
        wanted,
        properties: properties.into_iter().map(|reference| reference.around.clone()).collect(),
    })
}

/// As deep as wished, or further out as long as it is the same scope.
fn allocate(wishes: &[Wish], requests: &[Request]) -> Result<Vec<Way>, Vec<Refusal>> {
    let mut taken: BTreeMap<Way, usize> = BTreeMap::new();
    let mut places = vec![Way::new(); wishes.len()];
    let mut refusals = Vec::new();
    for request in requests {
        let depths = (request.scope.len()..=request.wanted.len().max(request.scope.len())).rev();
        let mut place = None;
        let mut conflict = None;
        for depth in depths {
            let way = request.wanted.get(..depth).unwrap_or(&request.scope);
            match taken.get(way) {
                None => {
                    place = Some(way.to_vec());
                    break;
                }
                Some(other) => {
                    conflict = conflict.or(Some(*other));
                    // Another entity has its properties between these.
                    if request.properties.iter().any(|property| taken.contains_key(property)) {
                        break;
                    }
                }
            }
        }
        match place {
            Some(way) => {
                for property in &request.properties {
                    for end in way.len()..=property.len() {
                        taken.insert(property.get(..end).unwrap_or_default().to_vec(), request.wish);
                    }
                }
                taken.insert(way.clone(), request.wish);
                if let Some(slot) = places.get_mut(request.wish) {
                    *slot = way;
                }
            }
            None => {
                let other = conflict.and_then(|other| wishes.get(other)).map_or(0, |wish| wish.row);
                refusals.push(Refusal {
                    in_survey: false,
                    row: wishes.get(request.wish).map_or(0, |wish| wish.row),
                    message: format!(
                        "only one entity has its place in a group or repeat, and {} has the one of row {other}",
                        shown(&request.scope)
                    ),
                });
            }
        }
    }
    if refusals.is_empty() { Ok(places) } else { Err(refusals) }
}
