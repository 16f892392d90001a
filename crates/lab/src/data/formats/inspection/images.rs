//! What there is to say of images, in memory and in their files.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::{Channel, Inspection, Size, part};
use crate::Result;
use crate::data::image_files::Sums;
use crate::data::image_list::transparency;
use crate::data::inaturalist::many_medium_few;
use crate::data::{DataRecipe, Examples, Format, Fractions, Image, ImageList, copies};

/// Of images in memory.
pub fn of_parts(
    format: Format,
    (train, test): (Examples, Examples),
    recipe: Option<DataRecipe>,
) -> Result<Inspection> {
    let [channels, height, width] = train.shape.image()?;
    let names = (0..channels).map(|c| channel_name(c, channels));
    let channel = |(name, (mean, std))| Channel { name, mean, std };
    Ok(Inspection {
        path: String::new(),
        format,
        notes: copies::between(&train, &test).into_iter().collect(),
        parts: vec![part("training", train.counts()), part("test", test.counts())],
        size: Size { channels, smallest: [height, width], largest: [height, width] },
        channels: names.zip(train.moments()).map(channel).collect(),
        columns: Vec::new(),
        many_medium_few: many_medium_few(&train.counts()),
        classes: train.classes,
        recipe,
    })
}

/// Of image files: each is decoded and let go again.
pub fn of_lists(
    format: Format,
    lists: [Option<ImageList>; 3],
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<Inspection> {
    let total = lists.iter().flatten().map(ImageList::len).sum();
    let sizes = Mutex::new((true, [usize::MAX; 2], [0; 2]));
    let train = Mutex::new((0, Sums::default()));
    let transparent = AtomicUsize::new(0);
    let contents = lists.each_ref().map(|list| {
        let count = list.as_ref().map_or(0, ImageList::len);
        Vec::from_iter(std::iter::repeat_with(|| AtomicU64::new(0)).take(count))
    });
    let (mut parts, mut classes, mut before) = (Vec::new(), Vec::new(), 0);
    for (at, (name, list)) in ["training", "validation", "test"].iter().zip(&lists).enumerate() {
        let Some(list) = list else { continue };
        let take = |place: usize, image: Image| {
            contents[at][place].store(copies::content(&image), Ordering::Relaxed);
            transparent.fetch_add(usize::from(image.transparent), Ordering::Relaxed);
            let mut sizes = sizes.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let (grey, smallest, largest) = &mut *sizes;
            *grey &= image.grey;
            for (side, length) in [image.height, image.width].into_iter().enumerate() {
                smallest[side] = smallest[side].min(length);
                largest[side] = largest[side].max(length);
            }
            drop(sizes);
            if at == 0 {
                let sums = Sums::of(&image);
                let mut train = train.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                train.0 += (image.height * image.width) as u64;
                train.1.add(&sums);
            }
            Ok(())
        };
        list.decode_all(None, &take, &|done| watch(before + done, total))?;
        before += list.len();
        parts.push(part(name, list.counts()));
        classes.clone_from(&list.classes);
    }
    let (grey, smallest, largest) =
        sizes.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (pixels, sums) = train.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let channels = if grey { 1 } else { 3 };
    let moments = sums.moments(pixels);
    let channel = |c: usize| {
        let (mean, std) = moments[c];
        Channel { name: channel_name(c, channels), mean, std }
    };
    let [own, _, test] =
        contents.map(|part| part.into_iter().map(AtomicU64::into_inner).collect::<Vec<u64>>());
    let labels = lists[0].as_ref().map_or(&[][..], |list| &list.labels[..]);
    let test = lists[2].is_some().then_some(&test[..]);
    let shares = Fractions { validation: 0.1, test: 0.2 };
    let transparent = transparency(transparent.into_inner(), total);
    let copies = copies::of_images((&own, labels), test, shares);
    Ok(Inspection {
        path: String::new(),
        format,
        notes: transparent.into_iter().chain(copies).collect(),
        many_medium_few: many_medium_few(&parts[0].counts),
        size: Size { channels, smallest, largest },
        channels: (0..channels).map(channel).collect(),
        columns: Vec::new(),
        classes,
        parts,
        recipe: None,
    })
}

fn channel_name(channel: usize, of: usize) -> String {
    match of {
        3 => ["red", "green", "blue"][channel].to_owned(),
        1 => "grey".to_owned(),
        _ => channel.to_string(),
    }
}
