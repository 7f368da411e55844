"""What spectral questions and their traces are worded with. ``{index}`` is "NDVI", ``{formula}`` what it is made of."""

from __future__ import annotations

DEFINED = (
    "The {index} is {formula}, averaged over the pixels that can be measured.",
    "The {index} of a pixel is {formula}; the mean is over all pixels with data that no cloud hides.",
    "{index} means {formula}; pixels that are hidden or without data do not count.",
    "In terms of reflectance, the {index} is {formula}, taken pixel by pixel; hidden pixels are left out.",
    "The index is {formula}; leave out pixels that are hidden or have no data, and average the rest.",
)
"""The second sentence of a question about a mean."""

PART_DEFINED = (
    "The {index} is {formula}; only pixels that can be measured count.",
    "The {index} of a pixel is {formula}; pixels under cloud or without data do not count at all.",
    "{index} means {formula}; pixels that are hidden or without data are not part of the whole.",
    "In terms of reflectance, the {index} is {formula}; hidden pixels are left out.",
    "The index is {formula}; leave out pixels that are hidden or have no data.",
)
"""The second sentence of a question about a share."""

MEAN_QUESTIONS = (
    "What is the mean {index} of the {name} in {image}?",
    "What is the average {index} over the {name}?",
    "What mean {index} {name:does|do} the {name} have in {image}?",
    "What {index} {name:does|do} the {name} have on average?",
    "What does the {index} average to over the {name} in {image}?",
    "What mean {index} would you measure over the pixels of {name}?",
    "Which mean {index} do you find for the {name} in {image}?",
    "What value does the {index} take on average where {image} shows {name}?",
    "How high is the mean {index} over the {name}?",
    "How high is the {index} of the {name} in {image}, averaged over {name:its|their} pixels?",
    "What value does the mean {index} of the {name} have?",
    "Averaged over the {name} in {image}, what is the {index}?",
    "Averaging over all pixels of {name}, what {index} do you get?",
    "Over the {name} in {image}, what is the mean of the {index}?",
    "If the {index} is averaged over the {name}, what is the result?",
    "Taken over the {name} alone, how large is the mean {index} in {image}?",
    "Give the mean {index} of the {name} in {image}.",
    "State the average {index} over the pixels of {name}.",
    "Determine the mean {index} over the {name} in {image}.",
    "Work out what the {index} of the {name} is on average.",
    "Measure the mean {index} of the {name} from the bands of {image}.",
)

COMPARE_QUESTIONS = (
    "Which has the higher mean {index} in {image}, the {name} or the {other}?",
    "Which of the two has the higher mean {index}: the {name} or the {other}?",
    "Which is higher in mean {index}, the {name} or the {other}?",
    "Which class has the larger average {index} in {image}, {name} or {other}?",
    "Which of these classes shows the higher mean {index} in {image}: {name} or {other}?",
    "Which of the classes {name} and {other} has the greater mean {index}?",
    "Where is the mean {index} higher, over the {name} or over the {other}?",
    "Where does the {index} average higher in {image}: in the {name} or in the {other}?",
    "Over which class is the {index} higher on average, {name} or {other}?",
    "Of {name} and {other}, which has the higher average {index} in {image}?",
    "Of the {name} and the {other}, which comes out higher in mean {index}?",
    "Comparing the {name} with the {other}, which mean {index} is higher?",
    "When the {name} and the {other} are compared by mean {index}, which one leads?",
    "If you average the {index} over the {name} and over the {other}, which average is higher?",
    "Between {name} and {other}, which class has the higher mean {index}?",
    "By mean {index}, which class ranks first in {image}: {name} or {other}?",
    "In terms of mean {index}, which ranks higher, the {name} or the {other}?",
    "Is the mean {index} higher over the {name} or over the {other}? Name the class.",
    "Name the class with the higher mean {index}: {name} or {other}.",
    "Say which of {name} and {other} has the higher mean {index} in {image}.",
    "Decide whether the {name} or the {other} {other:has|have} the higher mean {index} in {image}.",
)

SHARE_QUESTIONS = (
    "What share of the {name} in {image} has an {index} above {threshold}, in per cent?",
    "What percentage of the pixels of {name} has an {index} above {threshold}?",
    "What part of the {name} lies above an {index} of {threshold}, in per cent?",
    "What percentage of the {name} in {image} exceeds an {index} of {threshold}?",
    "What share of the pixels of {name} shows an {index} higher than {threshold}, in per cent?",
    "How much of the {name} has an {index} above {threshold}, as a percentage of the pixels?",
    "Over what part of the {name} in {image}, in per cent, is the {index} greater than {threshold}?",
    "How large is the share of the {name} where the {index} is above {threshold}, in per cent?",
    "How much of the {name}, in per cent, has an {index} of more than {threshold}?",
    "Over what percentage of the {name} does the {index} exceed {threshold}?",
    "For what percentage of the pixels of {name} is the {index} above {threshold}?",
    "For what share of the {name} in {image} does the {index} come out above {threshold}, in per cent?",
    "In what percentage of the {name} is the {index} larger than {threshold}?",
    "Of all pixels of {name} in {image}, what percentage has an {index} over {threshold}?",
    "Of the {name}, what percentage is above {threshold} when the {index} is measured?",
    "If only pixels with an {index} above {threshold} are kept, what percentage of the {name} remains?",
    "Counting pixels with an {index} above {threshold}, what is their share of the {name} in per cent?",
    "Taking {threshold} as the limit of the {index}, what percentage of the {name} is above it?",
    "Give the percentage of the {name} in {image} with an {index} above {threshold}.",
    "State, in per cent, what share of the {name} has an {index} above {threshold}.",
    "Determine the percentage of pixels of {name} whose {index} exceeds {threshold}.",
)

WATER_QUESTIONS = (
    "The {index} marks open water where it is above {threshold}: what percentage of the {name} in {image} does it "
    "confirm?",
    "How much of the {name} does the {index} confirm, in per cent, if it marks water above {threshold}?",
    "To what extent does the {index} confirm the {name} in {image}: in what percentage of the pixels is it above "
    "{threshold}?",
    "How well does the {index} agree with the {name}: what percentage of the pixels has a value above {threshold}?",
    "How large a share of the {name}, in per cent, does the {index} show as water, that is above {threshold}?",
    "What percentage of the {name} in {image} counts as water by the {index}, with {threshold} as the lower limit?",
    "What percentage of the pixels of {name} does the {index} confirm as water by a value above {threshold}?",
    "What share of the {name}, in per cent, passes as water if the {index} has to be above {threshold}?",
    "What part of the {name} in {image}, in per cent, also counts as water by the {index}, if values above "
    "{threshold} mean water?",
    "What percentage of the {name} is confirmed by the {index}, which recognises water by values above {threshold}?",
    "What share of the mapped {name} in {image}, in per cent, does the {index} show as water, with values above "
    "{threshold}?",
    "In what percentage of the {name} does the {index} find water too, that is, exceed {threshold}?",
    "In what share of the {name}, in per cent, do the map and the {index} agree, if the {index} indicates water above "
    "{threshold}?",
    "For what percentage of the {name} in {image} does the {index} exceed {threshold}, and so confirm water?",
    "Over what percentage of the {name} is the {index} above {threshold}, as it should be over open water?",
    "If the {index} shows open water above {threshold}, what percentage of the pixels mapped as {name} in {image} "
    "does it confirm?",
    "If the {index} is taken as a test for water, passed above {threshold}, what percentage of the {name} passes?",
    "Testing the {name} with the {index}, what percentage of the pixels is above {threshold} and so confirmed?",
    "Taking an {index} above {threshold} as a sign of water, what percentage of the {name} in {image} shows it?",
    "Check the {name} against the {index}: what percentage of the pixels lies above {threshold}, as expected of water?",
    "State the percentage of the {name} in {image} that the {index} confirms as water, with values above {threshold}.",
)

CHANGE_QUESTIONS = (
    "By how much does the mean {index} of the {name} change from image {first} to image {last}?",
    "By how much is the mean {index} of the {name} higher in image {last} than in image {first}?",
    "How much does the mean {index} over the {name} change between image {first} and image {last}?",
    "By how much does the mean {index} of the {name} in image {last} differ from that in image {first}?",
    "How far does the average {index} of the {name} move between image {first} and image {last}?",
    "What is the change in the mean {index} of the {name} from image {first} to image {last}?",
    "What is the mean {index} of the {name} in image {last} minus that in image {first}?",
    "What change does the mean {index} over the {name} undergo between image {first} and image {last}?",
    "What difference in mean {index} {name:does|do} the {name} show between image {first} and image {last}?",
    "What does the mean {index} over the {name} gain or lose from image {first} to image {last}?",
    "What change is there in the mean {index} over the {name} between image {first} and image {last}?",
    "From image {first} to image {last}, by how much does the mean {index} of the {name} change?",
    "From image {first} to image {last}, what is gained or lost in mean {index} over the {name}?",
    "Between image {first} and image {last}, how much does the average {index} over the {name} change?",
    "Comparing image {last} with image {first}, by how much has the mean {index} of the {name} changed?",
    "Over the {name}, how much does the mean {index} change from image {first} to image {last}?",
    "If the mean {index} of the {name} in image {first} is subtracted from that in image {last}, what is left?",
    "Give the change of the mean {index} over the {name} between image {first} and image {last}.",
    "State by how much the mean {index} over the {name} changes from image {first} to image {last}.",
    "Determine the change in average {index} of the {name} between image {first} and image {last}.",
    "Work out by how much the mean {index} of the {name} changes from image {first} to image {last}.",
)

STAYS = (
    "Only places that are {name} in every image count.",
    "Count only ground with {name} in every image.",
    "Only ground labelled {name} in every image counts.",
    "Ground where {name} {name:is|are} missing from any of the images does not count.",
    "Leave out places that are not {name} in all of the images.",
)
"""Which ground a series is about."""

CLEAR_IMAGES = (
    "Images in which less than {limit} of this ground can be measured are left aside.",
    "Leave aside images that show less than {limit} of this ground.",
    "Only images in which at least {limit} of this ground is in clear view are considered.",
    "An image is considered only if at least {limit} of this ground can be measured in it.",
    "Pass over any image with less than {limit} of this ground in clear view.",
)
"""Which images of a series take part."""

CHANGE_SIGN = (
    "A fall is negative.",
    "Give a fall as a negative number.",
    "Falls are negative, rises positive.",
    "If it falls, the answer is negative.",
    "A rise counts as positive, a fall as negative.",
)

PEAK_QUESTIONS = (
    "In which image is the mean {index} of the {name} highest?",
    "In which of the images {name:does|do} the {name} have the highest mean {index}?",
    "In which image does the mean {index} over the {name} reach its highest value?",
    "In which image {name:does|do} the {name} peak in mean {index}?",
    "On which image is the average {index} over the {name} at its highest?",
    "Which image shows the highest mean {index} over the {name}?",
    "Which image has the {name} at {name:its|their} highest mean {index}?",
    "Which of the images gives the {name} the highest mean {index}?",
    "Which of the images has the largest average {index} over the {name}?",
    "Which image would you pick for the highest mean {index} of the {name}?",
    "Where in the series does the mean {index} of the {name} peak; in which image?",
    "When is the mean {index} of the {name} highest; in which image?",
    "At which image does the series of mean {index} values over the {name} have its maximum?",
    "Of the images of this series, which one has the highest mean {index} over the {name}?",
    "Among the images, which one shows the {name} with the highest mean {index}?",
    "Through the series, in which image does the {index} of the {name} average highest?",
    "Looking at the {name} from image to image, where is the mean {index} highest?",
    "If the mean {index} of the {name} is followed through the images, which image has the highest value?",
    "Name the image in which the mean {index} of the {name} is highest.",
    "Say in which image the average {index} over the {name} is largest.",
    "Find the image with the highest mean {index} over the {name}.",
)

WHOLE = (
    "None of {name:its|their} {pixels:+pixel} has to be left out.",
    "All {pixels:+pixel} can be measured.",
    "All {pixels:+pixel} of the region count.",
    "The region has {pixels:+pixel}, and every one of them can be measured.",
    "The region has {pixels:+pixel}, of which none has to be left out.",
    "The mask holds {pixels:+pixel}, each with a value in both bands.",
    "The mask holds {pixels:+pixel}, and none has to be left out.",
    "Both bands can be read at each of {name:its|their} {pixels:+pixel}.",
    "No pixel of the {pixels} is left out.",
    "Each of these {pixels:+pixel} can be measured.",
    "Nothing has to be left out of the {pixels:+pixel}.",
    "There are {pixels:+pixel} to average, with none left out.",
    "There are {pixels:+pixel}, and all of them can be measured.",
    "Every one of the {pixels:+pixel} can be read in both bands.",
    "Both bands have a value in each of the {pixels:+pixel}.",
    "Both bands have values in all {pixels:+pixel}.",
    "These {pixels:+pixel} all count.",
    "These {pixels:+pixel} all have values in both bands.",
    "With no pixel left out, the measurement is over all {pixels} of them.",
    "The measurement is over all {pixels:+pixel}.",
)
"""Every pixel counts. Nothing is said of clouds, since not every source knows where they are."""

PARTLY = (
    "Of {name:its|their} {pixels:+pixel}, {lost} {lost:is|are} hidden or without data, so {measured} "
    "{measured:counts|count}.",
    "Of {name:its|their} {pixels:+pixel}, {measured} can be measured; the other {lost} {lost:is|are} left out.",
    "Of the {pixels:+pixel}, {lost} cannot be measured and {lost:is|are} left out, which leaves {measured}.",
    "The region has {pixels:+pixel}; leaving out {lost} that {lost:is|are} hidden or without data, {measured} "
    "{measured:is|are} measured.",
    "The region has {pixels:+pixel}, of which {lost} {lost:is|are} hidden or empty and {measured} "
    "{measured:counts|count}.",
    "The mask holds {pixels:+pixel}, but {lost} of them {lost:is|are} behind cloud or without data; {measured} "
    "{measured:counts|count}.",
    "The mask holds {pixels:+pixel}, {measured} of them in clear view; {lost} {lost:is|are} left out.",
    "I leave out {lost} of the {pixels:+pixel}, hidden or without data, and measure {measured}.",
    "I leave out the {lost} hidden or empty {lost:pixel|pixels} of {pixels}, and {measured} {measured:remains|remain}.",
    "I can measure {measured} of the {pixels:+pixel}; {lost} {lost:is|are} hidden or without data.",
    "Only {measured} of the {pixels:+pixel} {measured:is|are} in clear view; {lost} {lost:has|have} to be left out.",
    "Only {measured} of {name:its|their} {pixels:+pixel} can be measured, as {lost} {lost:is|are} hidden or empty.",
    "Clouds or gaps rule out {lost} of the {pixels:+pixel}, so {measured} {measured:is|are} measured.",
    "Clouds or gaps hide {lost} of {name:its|their} {pixels:+pixel}; the other {measured} {measured:counts|count}.",
    "Not every one of the {pixels:+pixel} is clear: {lost} {lost:is|are} left out and {measured} "
    "{measured:remains|remain}.",
    "Not all of the {pixels:+pixel} can be measured: {lost} {lost:is|are} hidden or empty, which leaves {measured}.",
    "Among the {pixels:+pixel}, {lost} {lost:is|are} hidden or without data; I go on with {measured}.",
    "Without the {lost} hidden or empty {lost:pixel|pixels}, {measured} of {pixels} {measured:counts|count}.",
    "With {lost} of {pixels:+pixel} hidden or without data, the measurement is over {measured}.",
    "The measurement is over {measured} of the {pixels:+pixel}, since {lost} {lost:is|are} hidden or without data.",
)

MEANS = (
    "Over {name:it|them}, the mean reflectance is {high} in {first} and {low} in {second}, and the {index} averages "
    "{mean}.",
    "Over the {name}, reflectance averages {high} in {first} and {low} in {second}; pixel by pixel, the {index} "
    "averages {mean}.",
    "Mean reflectance is {high} in {first} and {low} in {second}; the {index}, taken pixel by pixel, averages {mean}.",
    "Mean reflectance is {high} in {first} against {low} in {second}, and the mean {index} is {mean}.",
    "The mean reflectance is {high} in {first} and {low} in {second}, while the {index} of the pixels averages {mean}.",
    "The mean {index} of these pixels is {mean}, with a mean reflectance of {high} in {first} and {low} in {second}.",
    "The {index} of the {name} is {mean} on average, with a mean reflectance of {high} in {first} and {low} in "
    "{second}.",
    "The {name} {name:reflects|reflect} {high} in {first} and {low} in {second} on average, and the mean {index} is "
    "{mean}.",
    "Reflectance averages {high} in {first} and {low} in {second}, and the {index} of the pixels averages {mean}.",
    "The bands read {high} in {first} and {low} in {second} on average, and the {index} has a mean of {mean}.",
    "In {first} the mean reflectance is {high}, in {second} it is {low}; the mean of the {index} is {mean}.",
    "In {first} {name:it reflects|they reflect} {high} on average, in {second} {low}, and the {index} of the pixels "
    "averages {mean}.",
    "On average, reflectance is {high} in {first} and {low} in {second}; the {index} averages {mean}.",
    "On average the {name} {name:reflects|reflect} {high} in {first}, but {low} in {second}; the mean {index} is "
    "{mean}.",
    "Averaged, reflectance is {high} in {first} and {low} in {second}, and the {index} of the pixels is {mean}.",
    "Averaging over these pixels, I get {high} in {first}, {low} in {second} and {mean} for the {index}.",
    "I measure a mean reflectance of {high} in {first} and {low} in {second}, and a mean {index} of {mean}.",
    "I read {high} in {first} and {low} in {second} as mean reflectance; the {index} comes to {mean} on average.",
    "With a mean reflectance of {high} in {first} and {low} in {second}, the {index} comes to {mean} on average.",
    "For the {name}, the means are {high} in {first}, {low} in {second} and {mean} in the {index}.",
)

HIGHER = (
    "The difference is {gap}, in favour of the {winner}.",
    "The means differ by {gap}, and the higher one belongs to the {winner}.",
    "The higher mean is that of the {winner}, by {gap}.",
    "The {winner} {winner:has|have} the higher mean {index}, by {gap}.",
    "In mean {index}, the {winner} {winner:is|are} {gap} above the {loser}.",
    "The {winner} {winner:comes|come} out ahead of the {loser} by {gap}.",
    "The {winner} {winner:is|are} ahead by {gap} in mean {index}.",
    "The mean of the {loser} is {gap} below that of the {winner}.",
    "The {loser} {loser:has|have} the lower mean, by {gap}, so the {winner} {winner:leads|lead}.",
    "So the {winner} {winner:has|have} a mean {index} that is {gap} higher than that of the {loser}.",
    "So the mean is higher over the {winner}, by {gap}.",
    "Hence the {winner} {winner:ranks|rank} first, {gap} above the {loser}.",
    "Hence the mean {index} of the {winner} is higher, with {gap} between the two.",
    "Thus the {winner} {winner:exceeds|exceed} the {loser} by {gap}.",
    "Thus there is a gap of {gap}, with the {winner} being higher.",
    "This puts the {winner} {gap} ahead of the {loser}.",
    "This makes a difference of {gap}, with the higher mean over the {winner}.",
    "Comparing the two means, that of the {winner} is higher by {gap}.",
    "By {gap}, the mean of the {winner} is the higher one.",
    "With {gap} between them, the {winner} {winner:has|have} the higher mean {index}.",
)

ABOVE = (
    "In {above} of {measured:+pixel} the {index} is above {threshold}, which is {share}; the median is {median}.",
    "In {above} of {measured} the {index} exceeds {threshold}, which is {share}; the median of all is {median}.",
    "The {index} has a median of {median} and exceeds {threshold} in {above} of {measured:+pixel}, which is {share}.",
    "The {index} is above {threshold} in {above} of {measured:+pixel}, hence in {share}; its median is {median}.",
    "The {index} is above {threshold} for {above} of the {measured:+pixel}, with a median of {median}; that makes "
    "{share}.",
    "The median {index} is {median}; {above} of {measured:+pixel} {above:lies|lie} above {threshold}, or {share}.",
    "With a median of {median}, the {index} lies above {threshold} in {above} of {measured:+pixel}, so in {share}.",
    "Of the {measured:+pixel}, {above} {above:has|have} an {index} above {threshold}, which makes {share}; the median "
    "is {median}.",
    "Of {measured:+pixel} measured, {above} {above:lies|lie} above {threshold}, which is {share}; the median is "
    "{median}.",
    "An {index} above {threshold} is found in {above} of these {measured:+pixel}, which is {share}, with a median of "
    "{median}.",
    "Above {threshold} I count {above} of {measured:+pixel}, which is {share}; the median {index} is {median}.",
    "The limit of {threshold} is exceeded by {above} of {measured:+pixel}, hence by {share}; the median is {median}.",
    "I count {above} of {measured:+pixel} with an {index} above {threshold}, which is {share}; the median of "
    "all that are measured is {median}.",
    "I find {above} of {measured:+pixel} above {threshold}, that is {share}, and a median {index} of {median}.",
    "Counting those above {threshold} gives {above} of {measured:+pixel}, or {share}; the median {index} is {median}.",
    "The median {index} is {median}, and {above} of {measured:+pixel} {above:has|have} one above {threshold}, which "
    "is {share}.",
    "In the region, {above} of {measured:+pixel} {above:has|have} an {index} above {threshold}, or {share}; the "
    "median is {median}.",
    "Measured pixel by pixel, the {index} has a median of {median} and is above {threshold} in {above} of {measured}, "
    "which is {share}.",
    "Out of {measured:+pixel}, {above} {above:is|are} above {threshold} in the {index}, so {share}; the median is "
    "{median}.",
    "Across the {measured:+pixel} the median {index} is {median}, and {above} {above:is|are} above {threshold}, or "
    "{share}.",
)

DATED = (
    "Here I mark what is always {name}:",
    "Now I mark the pixels that stay {name}:",
    "I mark what is {name} on every date:",
    "I outline the {name} common to all images:",
    "I locate the pixels that are {name} throughout:",
    "I segment the ground with {name} on all dates:",
    "Let me mark what is labelled {name} every time:",
    "Let me segment the lasting {name} on this date:",
    "This is where {name} {name:is|are} found in every image:",
    "I mark the pixels that are always {name}, on this date:",
    "The lasting {name} {name:lies|lie} here on this date:",
    "I mark the {name} that all images share, in this one:",
    "This mask shows the part that is {name} in every image:",
    "This is the mask of what stays {name}:",
    "I trace the pixels of {name} that all dates have in common:",
    "On this date, I outline what is {name} throughout:",
    "On this date I measure what is always {name}:",
    "In this image, the lasting {name} {name:lies|lie} here:",
    "In this image I mark what stays {name}:",
    "For this date, I take the pixels that are always {name}:",
)
"""The mask is the same on all dates: what has the class on every one of them (``STAYS``)."""

ON_DATE = (
    "In image {date}, {measured} of {pixels:+pixel} can be measured, and the mean {index} is {mean}.",
    "In image {date}, the mean {index} over {measured} of {pixels:+pixel} is {mean}.",
    "In image {date} I measure {measured} of {pixels:+pixel} and get a mean {index} of {mean}.",
    "In image {date} the {index} averages {mean} over {measured} clear pixels of {pixels}.",
    "On this date, image {date}, the mean {index} of {measured} out of {pixels:+pixel} is {mean}.",
    "Image {date} gives a mean {index} of {mean} over {measured} of {pixels:+pixel}.",
    "Image {date} has {measured} clear pixels of {pixels} there, with a mean {index} of {mean}.",
    "Image {date} shows {measured} of {pixels:+pixel} clearly; their {index} averages {mean}.",
    "The mean {index} in image {date} is {mean}, from {measured} of {pixels:+pixel}.",
    "The mean {index} is {mean} in image {date}, where {measured} of {pixels:+pixel} are clear.",
    "The {index} averages {mean} in image {date}, measured in {measured} of {pixels:+pixel}.",
    "The {index} in image {date} comes to {mean} on average, with {measured} of {pixels:+pixel} measured.",
    "There, image {date} has a mean {index} of {mean}, in {measured} of {pixels:+pixel}.",
    "For image {date}, the mean {index} is {mean} ({measured} of {pixels:+pixel} measured).",
    "For image {date} I get {mean} as mean {index}, measuring {measured} of {pixels:+pixel}.",
    "Over {measured} of {pixels:+pixel}, the mean {index} in image {date} is {mean}.",
    "Over the {measured} of {pixels:+pixel} that are clear in image {date}, the {index} averages {mean}.",
    "Averaged over {measured} of {pixels:+pixel}, the {index} in image {date} is {mean}.",
    "Measuring {measured} of {pixels:+pixel} in image {date}, I find a mean {index} of {mean}.",
    "With {measured} of {pixels:+pixel} clear in image {date}, the mean {index} is {mean}.",
)

ON_WHOLE_DATE = (
    "In image {date}, all {pixels:+pixel} can be measured, and the mean {index} is {mean}.",
    "In image {date}, the mean {index} over all {pixels:+pixel} is {mean}.",
    "In image {date} I measure all {pixels:+pixel} and get a mean {index} of {mean}.",
    "In image {date} the {index} averages {mean} over the {pixels:+pixel}.",
    "On this date, image {date}, the mean {index} of the {pixels:+pixel} is {mean}.",
    "Image {date} gives a mean {index} of {mean} over all {pixels:+pixel}.",
    "Image {date} has values for all {pixels:+pixel}, with a mean {index} of {mean}.",
    "Image {date} shows the {pixels:+pixel} with an average {index} of {mean}.",
    "The mean {index} in image {date} is {mean}, from all {pixels:+pixel}.",
    "The mean {index} is {mean} in image {date}, where all {pixels:+pixel} count.",
    "The {index} averages {mean} in image {date}, measured in all {pixels:+pixel}.",
    "The {index} in image {date} comes to {mean} on average, with none of the {pixels:+pixel} left out.",
    "Image {date} has a mean {index} of {mean} there, in {pixels:+pixel}.",
    "For image {date}, the mean {index} is {mean} (all {pixels:+pixel} measured).",
    "For image {date} I get a mean {index} of {mean}, measuring all {pixels:+pixel}.",
    "Over the {pixels:+pixel}, the mean {index} in image {date} is {mean}.",
    "Over all {pixels:+pixel} in image {date}, the {index} averages {mean}.",
    "Averaged over all {pixels:+pixel}, the {index} in image {date} is {mean}.",
    "Measuring all {pixels:+pixel} in image {date}, I find a mean {index} of {mean}.",
    "With all {pixels:+pixel} measured in image {date}, the mean {index} is {mean}.",
)
"""The same where every pixel counts."""

LEFT_OUT = (
    "{dates} {dates:is|are} left out, since less than {limit} of this ground can be measured there.",
    "{dates} {dates:is|are} not used: less than {limit} of this ground is clear there.",
    "{dates} {dates:drops|drop} out, as less than {limit} of the ground can be measured there.",
    "{dates} {dates:shows|show} less than {limit} of this ground clearly and {dates:is|are} left out.",
    "{dates} {dates:does|do} not count, because less than {limit} of this ground is in clear view.",
    "{dates} {dates:is|are} too cloudy or incomplete here, with less than {limit} of the ground clear.",
    "{dates} {dates:has|have} to be left out, with less than {limit} of this ground in clear view.",
    "{dates} cannot be used, since less than {limit} of the ground is clear there.",
    "{dates} cannot be measured well: less than {limit} of this ground is clear, so I skip {dates:it|them}.",
    "I leave out {dates}, where less than {limit} of this ground can be measured.",
    "I do not use {dates}, where less than {limit} of the ground is in clear view.",
    "I skip {dates}, since clouds or gaps leave less than {limit} of this ground to measure.",
    "I set {dates} aside, as less than {limit} of this ground is clear there.",
    "Less than {limit} of this ground is clear in {dates}, so {dates:it is|they are} left out.",
    "Less than {limit} of the ground can be measured in {dates}, so I leave {dates:it|them} out.",
    "Clouds or gaps leave less than {limit} of this ground clear in {dates}, which I leave out.",
    "Because less than {limit} of the ground is in clear view, {dates} {dates:is|are} left out.",
    "Since less than {limit} of this ground can be measured there, I leave out {dates}.",
    "As for {dates}, less than {limit} of this ground is clear, so {dates:it does|they do} not count.",
    "With less than {limit} of this ground clear, {dates} {dates:is|are} of no use here.",
)

CHANGED = (
    "From image {first} to image {last}, the mean {index} changes by {change}.",
    "From {before} in image {first} to {after} in image {last} is a change of {change}.",
    "Between image {first} and image {last} the mean {index} changes by {change}.",
    "Between the two, from {before} to {after}, lies a change of {change}.",
    "The change from {before} to {after} is {change}.",
    "The change is {change}, from {before} in image {first} to {after} in image {last}.",
    "The mean {index} goes from {before} to {after}, which is a change of {change}.",
    "The mean in image {last} minus that in image {first} is {change}.",
    "The difference between image {last} and image {first} is {change}.",
    "The mean moves from {before} to {after}, so by {change}.",
    "So the mean {index} changes by {change}, from {before} to {after}.",
    "So image {last} differs from image {first} by {change}.",
    "Hence the change from image {first} to image {last} is {change}.",
    "Hence {before} becomes {after}: a change of {change}.",
    "Thus the change of the mean is {change}.",
    "Taking {before} from {after} leaves {change}.",
    "Subtracting {before} from {after} gives {change}.",
    "Compared with image {first}, the mean in image {last} has changed by {change}.",
    "That is {before} first and {after} last, a change of {change}.",
    "In all, the mean {index} changes by {change}.",
)

PEAKED = (
    "The highest of these means is that of image {peak}.",
    "The highest mean {index} is found in image {peak}.",
    "The highest value belongs to image {peak}.",
    "The largest of these means is the one of image {peak}.",
    "The mean {index} is highest in image {peak}.",
    "The mean peaks in image {peak}.",
    "The series has its maximum in image {peak}.",
    "The peak lies in image {peak}.",
    "The maximum of the series is in image {peak}.",
    "None of the means is higher than that of image {peak}.",
    "No other image has as high a mean as image {peak}.",
    "So image {peak} has the highest mean {index}.",
    "So the mean is highest in image {peak}.",
    "Hence the mean {index} peaks in image {peak}.",
    "Hence image {peak} shows the highest mean.",
    "Thus image {peak} is the one with the highest mean {index}.",
    "Comparing the means, that of image {peak} is the highest.",
    "Of these means, image {peak} has the highest.",
    "Among these, image {peak} comes first.",
    "Image {peak} stands out with the highest mean {index}.",
)
